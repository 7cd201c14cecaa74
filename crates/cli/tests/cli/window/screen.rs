//! A screen that nobody sees, and a hand that works on it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anatome_testkit::Need;
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ClientMessageEvent, ConnectionExt as _,
    CreateWindowAux, EventMask, ImageFormat, MOTION_NOTIFY_EVENT, PropMode, SELECTION_NOTIFY_EVENT,
    SelectionNotifyEvent, SelectionRequestEvent, Window, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{COPY_FROM_PARENT, CURRENT_TIME, NONE};

/// So long anything may take that the program or the server does.
const PATIENCE: Duration = Duration::from_secs(30);

/// An X server without a screen. It ends when this is dropped.
pub(super) struct Screen {
    server: Child,
    pub(super) display: String,
    connection: RustConnection,
    root: Window,
    size_px: [u16; 2],
}

impl Screen {
    /// One on a display that is free; `None`, said aloud, where the server is not installed.
    pub(super) fn start(size_px: [u16; 2]) -> Option<Self> {
        let screen = format!("{}x{}x24", size_px[0], size_px[1]);
        let started = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut server) = started else {
            Need::Tools.is_missing("there is no Xvfb");
            return None;
        };
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        let display = format!(":{}", number.trim());
        let (connection, screen) = RustConnection::connect(Some(&display)).unwrap();
        let root = connection.setup().roots[screen].root;
        Some(Self { server, display, connection, root, size_px })
    }

    /// The window of a title, as soon as it is shown; `None` if there is none yet.
    pub(super) fn window(&self, title: &str) -> Option<Window> {
        let name = |window: Window| {
            let all = (AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64);
            let asked = self.connection.get_property(false, window, all.0, all.1, all.2, all.3).unwrap();
            asked.reply().map(|reply| reply.value).unwrap_or_default()
        };
        let windows = self.connection.query_tree(self.root).unwrap().reply().unwrap().children;
        windows.into_iter().find(|&window| name(window) == title.as_bytes())
    }

    /// What a part of the screen shows, a pixel after the other in grey.
    pub(super) fn seen(&self, corner_px: [i16; 2], size_px: [u16; 2]) -> Vec<u8> {
        let ([x, y], [width, height]) = (corner_px, size_px);
        let asked = self.connection.get_image(ImageFormat::Z_PIXMAP, self.root, x, y, width, height, !0);
        let image = asked.unwrap().reply().unwrap();
        // Blue, green, red and nothing: CT is grey.
        image.data.as_chunks::<4>().0.iter().map(|&[_, green, ..]| green).collect()
    }

    /// What the middle of the screen shows: a quarter of its width and height.
    pub(super) fn middle(&self) -> Vec<u8> {
        let corner_px = self.size_px.map(|side| (side / 8 * 3) as i16);
        self.seen(corner_px, self.size_px.map(|side| side / 4))
    }

    /// Waits until the middle is other than before, is as wanted, and stays so.
    #[track_caller]
    pub(super) fn settled(&self, before: &[u8], otherwise: &str, is_so: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let until = Instant::now() + PATIENCE;
        let (mut last, mut since) = (self.middle(), Instant::now());
        loop {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.middle();
            if now != last {
                (last, since) = (now, Instant::now());
            } else if last != before && is_so(&last) && since.elapsed() > Duration::from_millis(700) {
                return last;
            }
            assert!(Instant::now() < until, "{otherwise}");
        }
    }

    /// Moves the pointer there.
    pub(super) fn point(&self, [x, y]: [i16; 2]) {
        self.connection.xtest_fake_input(MOTION_NOTIFY_EVENT, 0, 0, self.root, x, y, 0).unwrap();
        self.let_act();
    }

    /// Presses a button of the mouse where the pointer is, or lets it go: 1 is the first, 4 and 5 are the wheel.
    pub(super) fn press(&self, button: u8, is_down: bool) {
        let kind = if is_down { BUTTON_PRESS_EVENT } else { BUTTON_RELEASE_EVENT };
        self.connection.xtest_fake_input(kind, button, 0, self.root, 0, 0, 0).unwrap();
        self.let_act();
    }

    /// Drags from one place to another, as slowly as a hand.
    pub(super) fn drag(&self, from: [i16; 2], to: [i16; 2]) {
        self.point(from);
        self.press(1, true);
        for part in 1..=8 {
            self.point([0, 1].map(|axis| from[axis] + (to[axis] - from[axis]) * part / 8));
        }
        self.press(1, false);
    }

    fn let_act(&self) {
        self.connection.flush().unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }

    fn atom(&self, name: &str) -> Atom {
        self.connection.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom
    }

    /// Drops a file or folder on a window, as a file manager does: <https://www.freedesktop.org/wiki/Specifications/XDND/>
    pub(super) fn drop_on(&self, target: Window, path: &Path) {
        let connection = &self.connection;
        let own = connection.generate_id().unwrap();
        let (depth, class) = (COPY_FROM_PARENT as u8, WindowClass::INPUT_OUTPUT);
        let aux = CreateWindowAux::new();
        connection
            .create_window(depth, own, self.root, 0, 0, 1, 1, 0, class, COPY_FROM_PARENT, &aux)
            .unwrap();
        let [selection, uris] = ["XdndSelection", "text/uri-list"].map(|name| self.atom(name));
        connection.set_selection_owner(own, selection, CURRENT_TIME).unwrap();
        let send = |kind: &str, data: [u32; 4]| {
            let [a, b, c, d] = data;
            let message = ClientMessageEvent::new(32, target, self.atom(kind), [own, a, b, c, d]);
            connection.send_event(false, target, EventMask::NO_EVENT, message).unwrap();
            connection.flush().unwrap();
        };
        let version = 5 << 24;
        send("XdndEnter", [version, uris, NONE, NONE]);
        let middle = self.size_px.map(|side| u32::from(side / 2));
        send("XdndPosition", [0, middle[0] << 16 | middle[1], CURRENT_TIME, self.atom("XdndActionCopy")]);
        // It asks for the paths while they are held over it.
        let Event::SelectionRequest(asked) = self.event(|event| matches!(event, Event::SelectionRequest(_)))
        else {
            unreachable!("only such an event is waited for");
        };
        self.tell(&asked, uris, &format!("file://{}\r\n", path.display()));
        send("XdndDrop", [0, CURRENT_TIME, 0, 0]);
        let finished = self.atom("XdndFinished");
        self.event(|event| matches!(event, Event::ClientMessage(message) if message.type_ == finished));
    }

    /// Hands over what was asked for.
    fn tell(&self, asked: &SelectionRequestEvent, kind: Atom, text: &str) {
        let (requestor, property) = (asked.requestor, asked.property);
        self.connection
            .change_property8(PropMode::REPLACE, requestor, property, kind, text.as_bytes())
            .unwrap();
        let told = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: asked.time,
            requestor,
            selection: asked.selection,
            target: asked.target,
            property,
        };
        self.connection.send_event(false, requestor, EventMask::NO_EVENT, told).unwrap();
        self.connection.flush().unwrap();
    }

    /// The next event of a kind; others are left out.
    fn event(&self, is_it: impl Fn(&Event) -> bool) -> Event {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.connection.poll_for_event().unwrap() {
                Some(event) if is_it(&event) => return event,
                Some(_) => {}
                None => std::thread::sleep(Duration::from_millis(5)),
            }
            assert!(Instant::now() < until, "the window does not answer");
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.server.kill());
        drop(self.server.wait());
    }
}
