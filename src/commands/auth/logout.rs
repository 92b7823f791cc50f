//! `amika auth logout`: removes the stored credentials, even unreadable ones.

use serde_json::json;

use crate::auth::source::CredentialSource;
use crate::auth::store::{Cleared, Store};
use crate::context::Context;
use crate::error::Result;
use crate::ui::notices::Notices;

/// Exit 8 if something is left, or if that cannot be known.
pub(crate) async fn run(context: &Context) -> Result<()> {
    let store = Store::require(&context.env)?;
    store.check_change()?;
    let (cleared, remains) = if store.is_empty() {
        (Vec::new(), Ok(()))
    } else {
        let lock = context.interrupt.or(store.lock()).await?;
        store.clear(&lock)
    };
    let mut notices = Notices::default();
    for cleared in &cleared {
        report(cleared, &mut notices);
    }
    if context.env.is_set("AMIKA_API_KEY") {
        notices.notice("AMIKA_API_KEY is still set and will be used");
    }
    context.printer.notices(&notices);
    let has = |source| cleared.iter().any(|cleared| cleared.source == source);
    let api_key = has(CredentialSource::StoredApiKey);
    let session = has(CredentialSource::Session);
    let logout = json!({ "cleared_api_key": api_key, "cleared_session": session });
    let lines = [
        (api_key, "Cleared stored API key"),
        (session, "Cleared stored login session"),
        (cleared.is_empty() && remains.is_ok(), "Already logged out"),
    ];
    context.printer.done(&logout, || {
        let said = lines.iter().filter(|(said, _)| *said);
        said.map(|(_, line)| *line).collect::<Vec<_>>().join("\n")
    })?;
    remains
}

/// Notices and warnings about a removed file.
fn report(cleared: &Cleared, notices: &mut Notices) {
    let what = cleared.source.noun();
    if cleared.unreadable {
        notices.warn(format!("the stored {what} file is unreadable; it was removed"));
    }
    if cleared.was_link {
        notices.warn(format!(
            "the stored {what} file was a symbolic link; the file that it pointed to is still there"
        ));
    }
    if cleared.source == CredentialSource::Session {
        notices.notice(
            "the session's tokens stay valid at the identity provider until they expire; \
             sign out in the web UI to end them now",
        );
    }
}
