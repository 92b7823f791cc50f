//! `amika auth logout`: removes what login has stored, readable or not.

use serde_json::json;

use crate::auth::store::Store;
use crate::context::Context;
use crate::error::Result;
use crate::ui::printer::OnWriteFailure;

pub(crate) async fn run(context: &Context) -> Result<()> {
    let Context {
        env,
        printer,
        interrupt,
        ..
    } = context;
    let store = Store::require(env)?;
    let cleared = if store.is_empty() {
        Vec::new()
    } else {
        let lock = interrupt.or(store.lock()).await?;
        store.clear(&lock)?
    };
    for cleared in &cleared {
        if let Some(left) = &cleared.left {
            printer.warning(&format!("the stored {}: {left}", cleared.what));
        }
    }
    if cleared.iter().any(|cleared| cleared.what == "login session") {
        printer.notice(
            "the session's tokens stay valid at the identity provider until they end; \
             sign out in the web UI to end them now",
        );
    }
    if env.path("AMIKA_API_KEY").is_some() {
        printer.notice("AMIKA_API_KEY is still set, and still used");
    }
    let names: Vec<_> = cleared.iter().map(|cleared| cleared.what).collect();
    printer.data(
        OnWriteFailure::RepeatOnStderr,
        &json!({ "cleared": names }),
        || {
            if names.is_empty() {
                return "Already logged out".to_owned();
            }
            let lines = names.iter().map(|what| format!("Cleared stored {what}"));
            lines.collect::<Vec<_>>().join("\n")
        },
    )
}
