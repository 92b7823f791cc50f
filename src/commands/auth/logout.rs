//! `amika auth logout`: removes the stored credentials, even unreadable ones.

use serde::Serialize;

use crate::auth::source::Source;
use crate::auth::store::{Cleared, Store};
use crate::context::Context;
use crate::error::Result;
use crate::ui::notices::Notices;
use crate::ui::printer::OnWriteFailure;

#[derive(Serialize)]
struct Logout {
    cleared_api_key: bool,
    cleared_session: bool,
}

pub(crate) async fn run(context: &Context) -> Result<()> {
    let Context {
        env,
        printer,
        interrupt,
        ..
    } = context;
    let store = Store::require(env)?;
    store.check_trust()?;
    let cleared = if store.is_empty() {
        Vec::new()
    } else {
        let lock = interrupt.or(store.lock()).await?;
        store.clear(&lock)?
    };
    let mut notices = Notices::default();
    for cleared in &cleared {
        report(cleared, &mut notices);
    }
    if env.path("AMIKA_API_KEY").is_some() {
        notices.notice("AMIKA_API_KEY is still set and will be used");
    }
    printer.notices(&notices);
    let has = |source| cleared.iter().any(|cleared| cleared.source == source);
    let logout = Logout {
        cleared_api_key: has(Source::StoredApiKey),
        cleared_session: has(Source::Session),
    };
    printer.data(OnWriteFailure::RepeatOnStderr, &logout, || {
        let lines = [
            (logout.cleared_api_key, "Cleared stored API key"),
            (logout.cleared_session, "Cleared stored login session"),
        ];
        let lines: Vec<_> = lines
            .into_iter()
            .filter_map(|(cleared, line)| cleared.then_some(line))
            .collect();
        if lines.is_empty() {
            "Already logged out".to_owned()
        } else {
            lines.join("\n")
        }
    })
}

/// A notice or warning about a removed file.
fn report(cleared: &Cleared, notices: &mut Notices) {
    let what = match cleared.source {
        Source::Session => "session",
        _ => "API key",
    };
    if cleared.unreadable {
        notices.warn(format!("the stored {what} file is unreadable; it was removed"));
    }
    if let Some(remainder) = &cleared.remainder {
        notices.warn(format!("the stored {what}: {remainder}"));
    }
    if cleared.source == Source::Session {
        notices.notice(
            "the session's tokens stay valid at the identity provider until they expire; \
             sign out in the web UI to end them now",
        );
    }
}
