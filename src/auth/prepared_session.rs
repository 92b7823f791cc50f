//! Saves a session for which disk space was reserved before the session was requested.

use serde_json::{Map, Value, json};

use super::backend::{StoredInFile, store_secret};
use super::store::{Session, Store, stored_fields, to_bytes, unsaved};
use crate::error::Result;
use crate::secret::SecretValue;
use crate::system::atomic_file::Save;
use crate::system::lock::Lock;

/// Space reserved for a new session beyond the size of the old one, in bytes.
const ROOM_TO_GROW: usize = 16 * 1024;

/// A session file that is about to be replaced.
pub(crate) struct PreparedSession {
    save: Save,
    fields: Map<String, Value>,
    store: Store,
}

impl PreparedSession {
    /// Performs the steps of a save that are likely to fail, before the session is requested.
    pub(crate) fn prepare(store: &Store, lock: &Lock) -> Result<Self> {
        let path = store.session_path();
        let fields = stored_fields(&path);
        let room = to_bytes(&fields).len() + ROOM_TO_GROW;
        let save = Save::prepare(&path, room, lock).map_err(|error| unsaved(&path, error))?;
        Ok(Self {
            save,
            fields,
            store: store.clone(),
        })
    }

    /// Saves the session, with its tokens in the file if the keyring cannot store them.
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
        let fallback = store_secret(
            session.backend,
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
            // Fields of the previous login are removed, because it may be of another person.
            match value {
                Some(value) => fields.insert(name.to_owned(), json!(value)),
                None => fields.remove(name),
            };
        }
        fields.insert("expires_at".to_owned(), json!(session.expires_at.to_string()));
        let content = to_bytes(fields);
        // A prepared save can still fail, and the login would be lost, so it is tried once more.
        let saved = self.save.finish(&content);
        saved
            .or_else(|_| Save::prepare(&path, content.len(), lock)?.finish(&content))
            .map_err(|error| unsaved(&path, error))?;
        Ok(fallback)
    }
}
