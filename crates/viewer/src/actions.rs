//! What can be done by a key, by its name and from menus.

use anatome::Projection;
use egui::{Key, KeyboardShortcut, Modifiers};

use crate::session::{Direction, Layout, Side};
use crate::steps::{Step, Way};

/// Something that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    OpenFiles,
    CloseAll,
    ClearView,
    SaveSession,
    LoadSession,
    SavePicture,
    CopyPicture,
    Mark,
    SaveKeyImages,
    Turn,
    Undo,
    Redo,
    /// The window of this number on the list of the modality, from 1; 0 is the series' own.
    Preset(u8),
    AutoWindow,
    Invert,
    Fit,
    OneToOne,
    TrueSize,
    Rotate,
    Mirror,
    CalibrateScreen,
    Smaller,
    Larger,
    Next,
    Previous,
    PageNext,
    PagePrevious,
    First,
    Last,
    NextPhase,
    PreviousPhase,
    Play,
    NextView,
    PreviousView,
    Enlarge,
    SecondWindow,
    Apart,
    Arrange(Layout),
    SaveLayout,
    ResetPlanes,
    PatientPlanes,
    ShowLabels,
    ShowIdentity,
    ShowCrosshair,
    ShowReferenceLines,
    ShowMeasurements,
    ShowBrowser,
    ShowInspector,
    ShowCropBox,
    NextPanel,
    PreviousPanel,
    Axial,
    Coronal,
    Sagittal,
    ThreeD,
    Side(Side),
    Step(Step),
    Thicker,
    Thinner,
    SlabOf(Projection),
    ToolWindow,
    ToolPan,
    ToolZoom,
    ToolScroll,
    ToolCross,
    Length,
    Distance,
    Angle,
    Polyline,
    Cobb,
    Bidirectional,
    Ellipse,
    Rectangle,
    Freehand,
    Probe,
    Arrow,
    SetPoint,
    EndDrawing,
    HoldNext,
    DeleteMeasurement,
    Cancel,
    Performance,
    Help,
}

/// An action, what it is called, and its key.
pub(crate) struct Entry {
    pub action: Action,
    pub name: &'static str,
    pub shortcut: Option<KeyboardShortcut>,
}

const fn key(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::NONE, key))
}

const fn with(modifiers: Modifiers, key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(modifiers, key))
}

const COMMAND_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const ALT_SHIFT: Modifiers = Modifiers::ALT.plus(Modifiers::SHIFT);

const fn entry(action: Action, name: &'static str, shortcut: Option<KeyboardShortcut>) -> Entry {
    Entry { action, name, shortcut }
}

/// Everything, in groups, as the help sheet shows it.
pub(crate) const GROUPS: &[(&str, &[Entry])] = &[
    (
        "Files",
        &[
            entry(Action::OpenFiles, "Open…", with(Modifiers::COMMAND, Key::O)),
            entry(Action::CloseAll, "Close all", with(Modifiers::COMMAND, Key::W)),
            entry(Action::SaveSession, "Save session…", with(Modifiers::COMMAND, Key::S)),
            entry(Action::LoadSession, "Load session…", with(COMMAND_SHIFT, Key::O)),
            entry(Action::SavePicture, "Save picture…", with(Modifiers::COMMAND, Key::E)),
            entry(Action::CopyPicture, "Copy picture", with(Modifiers::COMMAND, Key::C)),
            entry(Action::Mark, "Mark as key image", key(Key::K)),
            entry(Action::SaveKeyImages, "Save key images…", with(Modifiers::COMMAND, Key::K)),
            entry(Action::Turn, "Save a turn…", with(Modifiers::COMMAND, Key::T)),
            entry(Action::Undo, "Undo", with(Modifiers::COMMAND, Key::Z)),
            entry(Action::Redo, "Redo", with(COMMAND_SHIFT, Key::Z)),
        ],
    ),
    (
        "Window",
        &[
            entry(Action::Preset(0), "The series' own window", key(Key::Num0)),
            entry(Action::Preset(1), "Window preset 1", key(Key::Num1)),
            entry(Action::Preset(2), "Window preset 2", key(Key::Num2)),
            entry(Action::Preset(3), "Window preset 3", key(Key::Num3)),
            entry(Action::Preset(4), "Window preset 4", key(Key::Num4)),
            entry(Action::Preset(5), "Window preset 5", key(Key::Num5)),
            entry(Action::Preset(6), "Window preset 6", key(Key::Num6)),
            entry(Action::Preset(7), "Window preset 7", key(Key::Num7)),
            entry(Action::Preset(8), "Window preset 8", key(Key::Num8)),
            entry(Action::AutoWindow, "Auto window", key(Key::A)),
            entry(Action::Invert, "Invert", key(Key::I)),
        ],
    ),
    (
        "Position",
        &[
            entry(Action::Next, "Next slice or frame", key(Key::ArrowDown)),
            entry(Action::Previous, "Previous slice or frame", key(Key::ArrowUp)),
            entry(Action::PageNext, "Ten further", key(Key::PageDown)),
            entry(Action::PagePrevious, "Ten back", key(Key::PageUp)),
            entry(Action::First, "First", key(Key::Home)),
            entry(Action::Last, "Last", key(Key::End)),
            entry(Action::NextPhase, "Next phase", key(Key::Period)),
            entry(Action::PreviousPhase, "Previous phase", key(Key::Comma)),
            entry(Action::Play, "Play or stop", key(Key::Space)),
            entry(Action::Fit, "Fit", key(Key::F)),
            entry(Action::OneToOne, "One to one", key(Key::O)),
            entry(Action::TrueSize, "True size", with(Modifiers::SHIFT, Key::O)),
            entry(Action::Rotate, "Rotate the image by 90°", with(Modifiers::COMMAND, Key::R)),
            entry(Action::Mirror, "Mirror the image", with(Modifiers::COMMAND, Key::M)),
            entry(Action::CalibrateScreen, "Calibrate the screen…", with(Modifiers::ALT, Key::O)),
            entry(Action::Larger, "Larger", key(Key::Plus)),
            entry(Action::Smaller, "Smaller", key(Key::Minus)),
        ],
    ),
    (
        "Views",
        &[
            entry(Action::Axial, "Axial", with(Modifiers::ALT, Key::A)),
            entry(Action::Coronal, "Coronal", with(Modifiers::ALT, Key::C)),
            entry(Action::Sagittal, "Sagittal", with(Modifiers::ALT, Key::S)),
            entry(Action::ThreeD, "3D", with(Modifiers::ALT, Key::V)),
            entry(Action::Thicker, "Thicker slab", key(Key::CloseBracket)),
            entry(Action::Thinner, "Thinner slab", key(Key::OpenBracket)),
            entry(Action::SlabOf(Projection::Mip), "MIP of the slab", with(Modifiers::ALT, Key::Num1)),
            entry(Action::SlabOf(Projection::MinIp), "MinIP of the slab", with(Modifiers::ALT, Key::Num2)),
            entry(Action::SlabOf(Projection::Mean), "Mean of the slab", with(Modifiers::ALT, Key::Num3)),
            entry(Action::ResetPlanes, "Planes of the acquisition", key(Key::R)),
            entry(Action::PatientPlanes, "Planes of the patient", with(Modifiers::SHIFT, Key::R)),
            entry(Action::NextView, "Next view", key(Key::N)),
            entry(Action::PreviousView, "Previous view", with(Modifiers::ALT, Key::N)),
            entry(Action::Enlarge, "Enlarge the view", key(Key::Enter)),
            entry(Action::ClearView, "Clear the view", key(Key::Backspace)),
            entry(Action::SecondWindow, "Window of its own", key(Key::F6)),
            entry(Action::Apart, "Window and slab of its own", key(Key::U)),
            entry(Action::Arrange(Layout::One), "One view", key(Key::F1)),
            entry(Action::Arrange(Layout::TwoByTwo), "Planes and 3D", key(Key::F2)),
            entry(Action::Arrange(Layout::OneAndThree), "One and three", key(Key::F3)),
            entry(Action::Arrange(Layout::SideBySide), "Side by side", key(Key::F4)),
            entry(Action::Arrange(Layout::Grid(3, 2)), "Grid of 3 x 2", key(Key::F5)),
            entry(Action::Arrange(Layout::Grid(4, 3)), "Grid of 4 x 3", with(Modifiers::SHIFT, Key::F5)),
            entry(Action::SaveLayout, "Save layout…", with(Modifiers::COMMAND, Key::L)),
        ],
    ),
    (
        "Steps",
        &[
            entry(Action::Step(Step::Aside(Way::Left)), "To the left (3D: turn)", key(Key::ArrowLeft)),
            entry(Action::Step(Step::Aside(Way::Right)), "To the right (3D: turn)", key(Key::ArrowRight)),
            entry(
                Action::Step(Step::Pan(Way::Left)),
                "Picture to the left",
                with(Modifiers::SHIFT, Key::ArrowLeft),
            ),
            entry(
                Action::Step(Step::Pan(Way::Right)),
                "Picture to the right",
                with(Modifiers::SHIFT, Key::ArrowRight),
            ),
            entry(Action::Step(Step::Pan(Way::Up)), "Picture up", with(Modifiers::SHIFT, Key::ArrowUp)),
            entry(Action::Step(Step::Pan(Way::Down)), "Picture down", with(Modifiers::SHIFT, Key::ArrowDown)),
            entry(
                Action::Step(Step::Cross(Way::Left)),
                "Crosshair to the left",
                with(Modifiers::ALT, Key::ArrowLeft),
            ),
            entry(
                Action::Step(Step::Cross(Way::Right)),
                "Crosshair to the right",
                with(Modifiers::ALT, Key::ArrowRight),
            ),
            entry(Action::Step(Step::Cross(Way::Up)), "Crosshair up", with(Modifiers::ALT, Key::ArrowUp)),
            entry(
                Action::Step(Step::Cross(Way::Down)),
                "Crosshair down",
                with(Modifiers::ALT, Key::ArrowDown),
            ),
            entry(
                Action::Step(Step::Turn { clockwise: true }),
                "Turn the planes clockwise",
                with(Modifiers::ALT, Key::PageDown),
            ),
            entry(
                Action::Step(Step::Turn { clockwise: false }),
                "Turn the planes back",
                with(Modifiers::ALT, Key::PageUp),
            ),
            entry(Action::Step(Step::Brighter), "Brighter", with(Modifiers::COMMAND, Key::ArrowUp)),
            entry(Action::Step(Step::Darker), "Darker", with(Modifiers::COMMAND, Key::ArrowDown)),
            entry(Action::Step(Step::Wider), "Wider window", with(Modifiers::COMMAND, Key::ArrowRight)),
            entry(Action::Step(Step::Narrower), "Narrower window", with(Modifiers::COMMAND, Key::ArrowLeft)),
            entry(Action::Step(Step::NextColors), "Next colours", with(Modifiers::SHIFT, Key::C)),
            entry(
                Action::Step(Step::NextInterpolation),
                "Next interpolation",
                with(Modifiers::SHIFT, Key::I),
            ),
            entry(
                Action::Step(Step::NextOverlay),
                "Lay the next series over it, or none",
                with(Modifiers::SHIFT, Key::U),
            ),
            entry(
                Action::Step(Step::MoreOverlay),
                "More of what lies over it",
                with(Modifiers::COMMAND, Key::Period),
            ),
            entry(
                Action::Step(Step::LessOverlay),
                "Less of what lies over it",
                with(Modifiers::COMMAND, Key::Comma),
            ),
        ],
    ),
    (
        "3D",
        &[
            entry(Action::Step(Step::NextPreset), "Next rendering preset", with(Modifiers::SHIFT, Key::V)),
            entry(
                Action::Step(Step::NextMode),
                "Rendering, MIP, MinIP or mean",
                with(Modifiers::SHIFT, Key::M),
            ),
            entry(Action::Step(Step::Perspective), "Perspective", with(Modifiers::ALT, Key::P)),
            entry(Action::Step(Step::Uncrop), "All of what was cropped", with(Modifiers::SHIFT, Key::X)),
            entry(
                Action::Step(Step::Cut(Direction::Axial)),
                "Cut at the axial plane",
                with(ALT_SHIFT, Key::A),
            ),
            entry(
                Action::Step(Step::Cut(Direction::Coronal)),
                "Cut at the coronal plane",
                with(ALT_SHIFT, Key::C),
            ),
            entry(
                Action::Step(Step::Cut(Direction::Sagittal)),
                "Cut at the sagittal plane",
                with(ALT_SHIFT, Key::S),
            ),
            entry(Action::Side(Side::Front), "From the front", with(Modifiers::SHIFT, Key::A)),
            entry(Action::Side(Side::Back), "From the back", with(Modifiers::SHIFT, Key::P)),
            entry(Action::Side(Side::Left), "From the left", with(Modifiers::SHIFT, Key::L)),
            entry(Action::Side(Side::Right), "From the right", with(Modifiers::ALT, Key::R)),
            entry(Action::Side(Side::Head), "From the head", with(Modifiers::SHIFT, Key::H)),
            entry(Action::Side(Side::Feet), "From the feet", with(Modifiers::SHIFT, Key::F)),
        ],
    ),
    (
        "Tools",
        &[
            entry(Action::ToolWindow, "Window tool", key(Key::W)),
            entry(Action::ToolPan, "Pan tool", key(Key::P)),
            entry(Action::ToolZoom, "Zoom tool", key(Key::Z)),
            entry(Action::ToolScroll, "Scroll tool", key(Key::S)),
            entry(Action::ToolCross, "Crosshair tool", key(Key::C)),
            entry(Action::Length, "Measure a length", key(Key::L)),
            entry(Action::Distance, "Measure a distance in 3D", with(Modifiers::SHIFT, Key::D)),
            entry(Action::Angle, "Measure an angle", key(Key::G)),
            entry(Action::Polyline, "Measure along a polyline", key(Key::J)),
            entry(Action::Cobb, "Measure a Cobb angle", with(Modifiers::SHIFT, Key::G)),
            entry(Action::Bidirectional, "Measure in two directions", with(Modifiers::SHIFT, Key::B)),
            entry(Action::Ellipse, "Measure in an ellipse", key(Key::E)),
            entry(Action::Rectangle, "Measure in a rectangle", with(Modifiers::SHIFT, Key::E)),
            entry(Action::Freehand, "Measure in a line drawn freely", with(Modifiers::SHIFT, Key::J)),
            entry(Action::Probe, "Probe a value", key(Key::V)),
            entry(Action::Arrow, "Arrow with a text", with(Modifiers::SHIFT, Key::N)),
            entry(Action::SetPoint, "Set a point of the measurement", key(Key::Q)),
            entry(Action::EndDrawing, "End the measurement", with(Modifiers::SHIFT, Key::Q)),
            entry(Action::HoldNext, "Take the next point of the measurement", with(Modifiers::ALT, Key::Q)),
            entry(
                Action::Step(Step::Nudge(Way::Left)),
                "Measurement to the left",
                with(ALT_SHIFT, Key::ArrowLeft),
            ),
            entry(
                Action::Step(Step::Nudge(Way::Right)),
                "Measurement to the right",
                with(ALT_SHIFT, Key::ArrowRight),
            ),
            entry(Action::Step(Step::Nudge(Way::Up)), "Measurement up", with(ALT_SHIFT, Key::ArrowUp)),
            entry(Action::Step(Step::Nudge(Way::Down)), "Measurement down", with(ALT_SHIFT, Key::ArrowDown)),
            entry(Action::DeleteMeasurement, "Delete the measurement", key(Key::Delete)),
            entry(Action::Cancel, "Cancel", key(Key::Escape)),
        ],
    ),
    (
        "Shown",
        &[
            entry(Action::ShowLabels, "Labels", key(Key::T)),
            entry(Action::ShowIdentity, "Identity", key(Key::D)),
            entry(Action::ShowCrosshair, "Crosshair", key(Key::X)),
            entry(Action::ShowReferenceLines, "Reference lines", key(Key::Y)),
            entry(Action::ShowMeasurements, "Measurements", key(Key::M)),
            entry(Action::ShowBrowser, "Panel of series", key(Key::F7)),
            entry(Action::ShowInspector, "Panel of the view", key(Key::F8)),
            entry(Action::ShowCropBox, "Crop box", key(Key::B)),
            entry(Action::NextPanel, "Keyboard to the next panel", key(Key::F10)),
            entry(Action::PreviousPanel, "Keyboard to the panel before", with(Modifiers::SHIFT, Key::F10)),
            entry(Action::Performance, "Performance", key(Key::F9)),
            entry(Action::Help, "Help", key(Key::H)),
        ],
    ),
];

/// The entry of an action.
pub(crate) fn of(action: Action) -> Option<&'static Entry> {
    GROUPS.iter().flat_map(|(_, entries)| entries.iter()).find(|entry| entry.action == action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::shown;
    use std::collections::HashSet;

    #[test]
    fn no_key_does_two_things_and_no_action_is_listed_twice() {
        let entries = || GROUPS.iter().flat_map(|(_, entries)| entries.iter());
        let keys: Vec<String> = entries().filter_map(|entry| entry.shortcut.as_ref().map(shown)).collect();
        let once: HashSet<&String> = keys.iter().collect();
        assert_eq!(once.len(), keys.len(), "{keys:?}");
        let actions: HashSet<Action> = entries().map(|entry| entry.action).collect();
        assert_eq!(actions.len(), entries().count());
    }

    #[test]
    fn every_layout_that_is_offered_has_a_key_and_one_name() {
        for (layout, name) in Layout::OFFERED {
            let own = of(Action::Arrange(layout)).unwrap();
            assert!(own.name == name && own.shortcut.is_some(), "{name}");
        }
    }
}
