//! Times against what they depend on, as a table and as a picture with logarithmic axes.

use std::fmt::Write as _;

/// Lines of a plot.
pub struct Plot {
    title: String,
    axis: &'static str,
    names: Vec<&'static str>,
    /// Places on the axis, and the time of each line there, ms.
    points: Vec<(f64, Vec<f64>)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// Left, top, right and bottom of what is inside the axes.
const INSIDE: [f64; 4] = [70.0, 36.0, 530.0, 350.0];
const COLORS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7f6000"];

/// Powers of ten around numbers.
struct Decades {
    first: i32,
    last: i32,
}

impl Decades {
    fn around(numbers: impl Iterator<Item = f64>) -> Self {
        let logs: Vec<f64> = numbers.map(f64::log10).collect();
        let low = logs.iter().copied().fold(f64::INFINITY, f64::min).floor() as i32;
        let high = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil() as i32;
        Self { first: low, last: high.max(low + 1) }
    }

    /// 0 at the first, 1 at the last.
    fn part(&self, number: f64) -> f64 {
        (number.log10() - f64::from(self.first)) / f64::from(self.last - self.first)
    }

    fn all(&self) -> impl Iterator<Item = f64> {
        (self.first..=self.last).map(|n| 10f64.powi(n))
    }
}

impl Plot {
    /// Without points.
    pub fn new(title: String, axis: &'static str, names: Vec<&'static str>) -> Self {
        Self { title, axis, names, points: Vec::new() }
    }

    /// Adds the times at a place, ms, one for each line.
    pub fn add(&mut self, at: f64, times_ms: Vec<f64>) {
        self.points.push((at, times_ms));
    }

    /// As Markdown.
    pub fn table(&self) -> String {
        let mut text = format!("{}:\n\n| {} |", self.title, self.axis);
        for name in &self.names {
            let _ = write!(text, " {name} |");
        }
        let _ = write!(text, "\n|{}", "---:|".repeat(self.names.len() + 1));
        for (at, times) in &self.points {
            let _ = write!(text, "\n| {} |", short(*at));
            for time in times {
                let _ = write!(text, " {} |", short(*time));
            }
        }
        text
    }

    /// As SVG.
    pub fn svg(&self) -> String {
        let [left, top, right, bottom] = INSIDE;
        let across = Decades::around(self.points.iter().map(|point| point.0));
        let up = Decades::around(self.points.iter().flat_map(|point| point.1.iter().copied()));
        let x = |number: f64| left + (right - left) * across.part(number);
        let y = |number: f64| bottom - (bottom - top) * up.part(number);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n<text x=\"{left}\" y=\"22\">{}, ms</text>\n",
            self.title
        );
        for tick in across.all() {
            let (x, below) = (x(tick), bottom + 18.0);
            let _ = writeln!(svg, "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#ddd\"/>");
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{below}\" text-anchor=\"middle\">{}</text>",
                short(tick)
            );
        }
        for tick in up.all() {
            let (y, beside) = (y(tick), left - 8.0);
            let _ = writeln!(svg, "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#ddd\"/>");
            let text_y = y + 4.0;
            let _ = writeln!(
                svg,
                "<text x=\"{beside}\" y=\"{text_y:.1}\" text-anchor=\"end\">{}</text>",
                short(tick)
            );
        }
        let (middle, below) = ((left + right) / 2.0, bottom + 40.0);
        let _ =
            writeln!(svg, "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>", self.axis);
        for (line, name) in self.names.iter().enumerate() {
            let color = COLORS[line % COLORS.len()];
            let places: Vec<String> = self
                .points
                .iter()
                .map(|(at, times)| format!("{:.1} {:.1}", x(*at), y(times[line])))
                .collect();
            let _ = writeln!(
                svg,
                "<path d=\"M{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
                places.join("L")
            );
            let (sample, text_y) = (right + 14.0, top + 22.0 * line as f64 + 8.0);
            let _ =
                writeln!(svg, "<path d=\"M{sample} {text_y}h18\" stroke=\"{color}\" stroke-width=\"2\"/>");
            let (text_x, text_y) = (sample + 24.0, text_y + 4.0);
            let _ = writeln!(svg, "<text x=\"{text_x}\" y=\"{text_y}\">{name}</text>");
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// With at most three digits that tell something.
fn short(number: f64) -> String {
    match number {
        n if n >= 100.0 => format!("{n:.0}"),
        n if n >= 10.0 => format!("{n:.1}").trim_end_matches(".0").to_owned(),
        n if n >= 1.0 => format!("{n:.2}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        n => format!("{n:.4}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}
