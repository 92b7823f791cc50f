//! Saving a session whose room on the disk was made before there was a session to save.

use serde_json::{Map, Value, json};

use super::{Session, Store, to_bytes, unsaved};
use crate::auth::backend::keep;
use crate::error::Result;
use crate::secret::SecretValue;
use crate::system::atomic_file::Save;
use crate::system::lock::Lock;

/// A session file about to be replaced.
pub(crate) struct PreparedSession {
    pub(super) save: Save,
    pub(super) fields: Map<String, Value>,
    pub(super) store: Store,
}

impl PreparedSession {
    /// Saves the session. The text says why its tokens are in the file although the keyring was
    /// asked for.
    pub(crate) fn finish(mut self, session: &Session, lock: &Lock) -> Result<Option<String>> {
        let path = self.store.session_path();
        let fields = &mut self.fields;
        for token in ["access_token", "refresh_token"] {
            fields.remove(token);
        }
        let tokens = || {
            let refresh_token = session.refresh_token.as_ref().map(SecretValue::expose_secret);
            [
                ("access_token", json!(session.access_token.expose_secret())),
                ("refresh_token", json!(refresh_token)),
            ]
        };
        let item: Map<String, Value> = tokens()
            .map(|(name, token)| (name.to_owned(), token))
            .into_iter()
            .collect();
        let item = SecretValue::new(Value::Object(item).to_string());
        let fallback = keep(
            session.keeper,
            &path,
            &self.store.keychain,
            fields,
            &item,
            |fields| {
                fields.extend(tokens().map(|(name, token)| (name.to_owned(), token)));
            },
        );
        for (name, value) in [
            ("user_id", &session.user_id),
            ("email", &session.email),
            ("organization_id", &session.organization_id),
            ("api_url", &session.api_url),
        ] {
            // A login of somebody else leaves nothing of the one before.
            match value {
                Some(value) => fields.insert(name.to_owned(), json!(value)),
                None => fields.remove(name),
            };
        }
        fields.insert("expires_at".to_owned(), json!(session.expires_at.to_string()));
        let content = to_bytes(fields);
        // What was prepared can still fail, and without this content the login is lost: try once more.
        let saved = self.save.finish(&content);
        saved
            .or_else(|_| Save::prepare(&path, content.len(), lock)?.finish(&content))
            .map_err(|error| unsaved(&path, &error))?;
        Ok(fallback)
    }
}
