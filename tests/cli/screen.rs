//! A terminal with a given size and its visible content.

use expectrl::Expect;
use expectrl::session::OsSession;

use crate::sandbox::Sandbox;
use crate::terminal::{shell, text};

/// Height of every terminal, in lines.
pub(crate) const ROWS: u16 = 40;

/// Starts `line` on a terminal with this many columns. The size is set while the shell waits, because
/// starting the terminal may change it.
pub(crate) fn sized(sandbox: &Sandbox, columns: u16, line: &str) -> OsSession {
    let line = format!("read go; echo star\"\"ted; {line}; echo code $?");
    let mut session = shell(sandbox, &line);
    session.get_process_mut().set_window_size(columns, ROWS).unwrap();
    session.send_line("go").unwrap();
    text(&mut session, "started\r\n");
    session
}

/// A session on a terminal with a given size, and its output so far.
pub(crate) struct Screen {
    pub(crate) session: OsSession,
    pub(crate) printed: String,
    columns: u16,
}

impl Screen {
    /// Runs `line` on a terminal that can move its cursor.
    pub(crate) fn run(sandbox: &Sandbox, columns: u16, line: &str) -> Self {
        let line = format!("stty echo; export TERM=xterm; {line}");
        Self {
            session: sized(sandbox, columns, &line),
            printed: String::new(),
            columns,
        }
    }

    pub(crate) fn wait_for(&mut self, until: &str) -> &mut Self {
        self.printed.push_str(&text(&mut self.session, until));
        self
    }

    pub(crate) fn answer(&mut self, keys: &str) -> &mut Self {
        self.session.send(keys).unwrap();
        self
    }

    /// Returns the visible text after the command has ended with this code.
    pub(crate) fn ends(&mut self, code: i32) -> String {
        self.wait_for(&format!("code {code}"));
        let [rows, columns] = [ROWS, self.columns].map(|size| size.try_into().unwrap());
        let mut terminal = vt100::Parser::new(rows, columns, 0);
        terminal.process(self.printed.as_bytes());
        terminal.screen().contents()
    }
}
