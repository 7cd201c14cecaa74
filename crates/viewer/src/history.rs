//! Undo and redo: snapshots of the session, one for each finished gesture.

use std::collections::VecDeque;
use std::mem::Discriminant;
use std::time::{Duration, Instant};

use crate::command::Command;
use crate::session::{SeriesId, Session};

/// What was, and what was taken back.
#[derive(Debug)]
pub(crate) struct History {
    past: VecDeque<Session>,
    future: Vec<Session>,
    /// The session as it was when the last gesture ended.
    kept: Session,
    /// What the last gesture did, and when it ended.
    last: Option<(Discriminant<Command>, Instant)>,
}

/// So many gestures can be undone.
const DEPTH: usize = 200;
/// Gestures of one kind within this time are one: turns of a wheel, presses of a key.
const TOGETHER: Duration = Duration::from_millis(700);

impl History {
    pub(crate) fn new(session: Session) -> Self {
        Self { past: VecDeque::new(), future: Vec::new(), kept: session, last: None }
    }

    /// Takes a session in at the end of a gesture. `command` is what the gesture did last.
    pub(crate) fn keep(&mut self, session: &Session, command: &Command, now: Instant) {
        if *session == self.kept {
            return;
        }
        let is_soon = |(kind, at)| kind == command.kind() && now.duration_since(at) < TOGETHER;
        let goes_on = command.is_repeated() && self.last.is_some_and(is_soon);
        if !(command.is_trifle() || goes_on) {
            self.past.push_back(std::mem::replace(&mut self.kept, session.clone()));
            if self.past.len() > DEPTH {
                self.past.pop_front();
            }
            self.future.clear();
        } else {
            self.kept = session.clone();
        }
        if !command.is_trifle() {
            self.last = Some((command.kind(), now));
        }
    }

    /// Takes in what was changed by no gesture: it can't be undone by itself.
    pub(crate) fn follow(&mut self, session: &Session) {
        self.kept.clone_from(session);
    }

    /// The series that undo and redo could show again, the latest first.
    pub(crate) fn series(&self) -> Vec<SeriesId> {
        let mut series = Vec::new();
        for session in
            std::iter::once(&self.kept).chain(self.past.iter().rev()).chain(self.future.iter().rev())
        {
            for id in session.series() {
                if !series.contains(&id) {
                    series.push(id);
                }
            }
        }
        series
    }

    pub(crate) fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    pub(crate) fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }

    /// The session before the last gesture.
    pub(crate) fn undo(&mut self) -> Option<Session> {
        let before = self.past.pop_back()?;
        self.future.push(std::mem::replace(&mut self.kept, before.clone()));
        self.last = None;
        Some(before)
    }

    /// The session that was taken back last.
    pub(crate) fn redo(&mut self) -> Option<Session> {
        let after = self.future.pop()?;
        self.past.push_back(std::mem::replace(&mut self.kept, after.clone()));
        self.last = None;
        Some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec2;

    fn panned(session: &Session, to: f64) -> Session {
        let mut session = session.clone();
        session.views[0].framing.shift_mm = DVec2::splat(to);
        session
    }

    #[test]
    fn what_was_done_is_undone_and_done_again() {
        let start = Session::default();
        let mut history = History::new(start.clone());
        let pan = Command::Pan { view: 0, by_mm: DVec2::ONE };
        let t = Instant::now();
        let (one, two) = (panned(&start, 1.0), panned(&start, 2.0));
        history.keep(&one, &pan, t);
        history.keep(&two, &pan, t + 2 * TOGETHER);
        assert_eq!(history.undo(), Some(one.clone()));
        assert_eq!(history.undo(), Some(start));
        assert_eq!(history.undo(), None);
        assert_eq!(history.redo(), Some(one));
        assert_eq!(history.redo(), Some(two.clone()));
        assert!(!history.can_redo());
        // Something new takes the place of what was undone.
        history.undo();
        history.keep(&panned(&two, 9.0), &pan, t + 9 * TOGETHER);
        assert!(!history.can_redo());
    }

    #[test]
    fn turns_of_a_wheel_are_one_gesture_and_trifles_are_none() {
        let start = Session::default();
        let mut history = History::new(start.clone());
        let scroll = Command::Scroll { view: 0, steps: 1.0 };
        let t = Instant::now();
        for n in 1..5 {
            history.keep(&panned(&start, f64::from(n)), &scroll, t + TOGETHER / 10 * n);
        }
        let last = panned(&start, 4.0);
        let mut trifle = last.clone();
        trifle.shown.labels = false;
        history.keep(&trifle, &Command::Activate { view: 0 }, t);
        assert_eq!(history.undo(), Some(start));
        assert!(!history.can_undo());
        assert_eq!(history.redo(), Some(trifle));
    }
}
