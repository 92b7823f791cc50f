//! Saving a session whose room on the disk was made before there was a session to save.

use serde_json::{Map, Value, json};

use super::backend::{StoredInFile, keep};
use super::store::{Session, Store, stored_fields, to_bytes, unsaved};
use crate::error::Result;
use crate::secret::SecretValue;
use crate::system::atomic_file::Save;
use crate::system::lock::Lock;

/// Room for a renewed session beyond the size of the old one, in bytes.
const ROOM_TO_GROW: usize = 16 * 1024;

/// A session file about to be replaced.
pub(crate) struct PreparedSession {
    save: Save,
    fields: Map<String, Value>,
    store: Store,
}

impl PreparedSession {
    /// Does everything of a session's save that can fail, before there is a session to save.
    pub(crate) fn prepare(store: &Store, lock: &Lock) -> Result<Self> {
        let path = store.session_path();
        let fields = stored_fields(&path);
        let room = to_bytes(&fields).len() + ROOM_TO_GROW;
        let save = Save::prepare(&path, room, lock).map_err(|error| unsaved(&path, &error))?;
        Ok(Self {
            save,
            fields,
            store: store.clone(),
        })
    }

    /// Saves the session, with its tokens in the file if the keyring does not take them.
    pub(crate) fn finish(mut self, session: &Session, lock: &Lock) -> Result<Option<StoredInFile>> {
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
            self.store.keychain(),
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
