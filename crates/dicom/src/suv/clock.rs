//! Dates and times as DICOM writes them (PS3.5 6.2: DA, TM, DT).

const DAY_S: f64 = 86_400.0;

/// A moment in local time. Only differences of moments leave this module's users.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    /// Days of the Gregorian calendar from any fixed day.
    pub day: i64,
    /// Seconds from the day's start; may leave the day after a change of time zone.
    pub second: f64,
}

impl Moment {
    /// Seconds from `earlier` to this.
    pub fn since_s(self, earlier: Self) -> f64 {
        (self.day - earlier.day) as f64 * DAY_S + self.second - earlier.second
    }

    /// Seconds from the time of day `earlier_s` on this moment's day to this.
    pub fn since_time_s(self, earlier_s: f64) -> f64 {
        self.second - earlier_s
    }

    /// From a date (DA) and a time (TM).
    pub fn from_date_and_time(date: &str, time: &str) -> Option<Self> {
        Some(Self { day: day(date)?, second: time_of_day_s(time)? })
    }

    /// From a date time (DT), in the time zone that the dataset states (0008,0201), if both state one.
    pub fn from_date_time(text: &str, dataset_offset_s: Option<f64>) -> Option<Self> {
        let text = text.trim();
        // The first eight characters are the date; a minus sign there would be no offset.
        let sign = text.char_indices().skip(8).find(|(_, c)| matches!(c, '+' | '-')).map(|(at, _)| at);
        let (stamp, offset) = text.split_at(sign.unwrap_or(text.len()));
        let second = time_of_day_s(stamp.get(8..)?)?;
        let shift = match (offset_s(offset), dataset_offset_s) {
            (Some(own), Some(dataset)) => dataset - own,
            _ => 0.0,
        };
        Some(Self { day: day(stamp.get(..8)?)?, second: second + shift })
    }
}

/// An offset from UTC, such as `-0500`, in seconds.
pub(super) fn offset_s(text: &str) -> Option<f64> {
    let text = text.trim();
    let sign = match text.chars().next()? {
        '+' => 1.0,
        '-' => -1.0,
        _ => return None,
    };
    let hours = number(text.get(1..3)?, 14)?;
    let minutes = number(text.get(3..5)?, 59)?;
    (text.len() == 5).then_some(sign * (hours * 3600.0 + minutes * 60.0))
}

/// A time of day (TM) in seconds: `HH`, `HHMM`, `HHMMSS` or `HHMMSS.FFFFFF`, or with colons as before 1993.
pub(super) fn time_of_day_s(text: &str) -> Option<f64> {
    let digits: String = text.trim().chars().filter(|&c| c != ':').collect();
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    if !digits.is_ascii() || !matches!(whole.len(), 2 | 4 | 6) || (whole.len() < 6 && !fraction.is_empty()) {
        return None;
    }
    let part = |at: usize, most: u32| whole.get(at..at + 2).map_or(Some(0.0), |text| number(text, most));
    // 60 is a leap second.
    let second = part(0, 23)? * 3600.0 + part(2, 59)? * 60.0 + part(4, 60)?;
    if fraction.is_empty() {
        return Some(second);
    }
    let plain = fraction.len() <= 9 && fraction.chars().all(|c| c.is_ascii_digit());
    Some(second + plain.then(|| format!("0.{fraction}").parse::<f64>().ok()).flatten()?)
}

fn number(text: &str, most: u32) -> Option<f64> {
    let digits = text.chars().all(|c| c.is_ascii_digit());
    let value: u32 = digits.then(|| text.parse().ok()).flatten()?;
    (value <= most).then_some(f64::from(value))
}

/// The number of a day (DA: `YYYYMMDD`, or with points as before 1993).
fn day(text: &str) -> Option<i64> {
    let digits: String = text.trim().chars().filter(|&c| c != '.').collect();
    if digits.len() != 8 || !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    // Years start in March here, so that the leap day is a year's last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_before_month = (153 * month + 2) / 5;
    Some(
        365 * year + year.div_euclid(4) - year.div_euclid(100)
            + year.div_euclid(400)
            + days_before_month
            + day,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        Moment::from_date_time(text, None).unwrap()
    }

    #[test]
    fn differences_over_midnight_months_and_leap_days() {
        assert_eq!(moment("20200229000000").since_s(moment("20200228235959.5")), 0.5);
        assert_eq!(moment("2020030106").since_time_s(0.0), 21_600.0);
        assert_eq!(moment("2021030100").since_s(moment("2021022800")), DAY_S);
        assert_eq!(moment("2000030100").since_s(moment("2000022900")), DAY_S);
        assert_eq!(moment("1900030100").since_s(moment("1900022800")), DAY_S);
        assert_eq!(moment("2021010100").since_s(moment("2020010100")), 366.0 * DAY_S);
        assert_eq!(moment("2024010100").since_s(moment("1960010100")), 23_376.0 * DAY_S);
    }

    #[test]
    fn old_and_short_forms() {
        let old = Moment::from_date_and_time("1993.08.22", "10:22:23").unwrap();
        assert_eq!(old, Moment::from_date_and_time("19930822", "102223").unwrap());
        assert_eq!(time_of_day_s("07"), Some(25_200.0));
        assert_eq!(time_of_day_s("072100.00 "), Some(26_460.0));
        assert_eq!(time_of_day_s("104830.351370"), Some(38_910.351_37));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "7", "24", "1260", "+1", "12.5", "1200.5", "120000.1e5", "120061", "１２", "99999999"]
        {
            assert_eq!(time_of_day_s(text), None, "{text}");
        }
        for text in ["", "2021", "20210229", "20211301", "20210100", "2021-01-01", "ÄÄÄÄ"] {
            assert_eq!(Moment::from_date_and_time(text, "00"), None, "{text}");
        }
        for text in ["2021", "20210101", "ÄÄÄÄÄÄÄÄÄ", "20210101-0500", "1"] {
            assert_eq!(Moment::from_date_time(text, None), None, "{text}");
        }
    }

    /// Weasis #635: a negative offset.
    #[test]
    fn time_zones_are_compared_where_both_are_known() {
        let west = Some(-5.0 * 3600.0);
        let at = |text: &str, zone| Moment::from_date_time(text, zone).unwrap();
        let local = at("20210101100000", west);
        assert_eq!(at("20210101100000-0500", west).since_s(local), 0.0);
        assert_eq!(at("20210101150000.000000+0000", west).since_s(local), 0.0);
        assert_eq!(at("20210102000000+0900", west).since_s(local), 0.0);
        assert_eq!(at("20210101100000-0500", None).since_s(local), 0.0);
        assert_eq!(offset_s("-0330"), Some(-12_600.0));
        assert_eq!(offset_s("0500"), None);
    }
}
