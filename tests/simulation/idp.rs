//! The identity provider of a world: single-use refresh tokens, whose last exchange can be repeated.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::world::{World, key, token};

/// The tokens that the provider has issued.
pub(crate) struct Idp {
    rng: Rng,
    /// The access token that the API accepts.
    access_token: Option<String>,
    /// The refresh token for the next exchange.
    refresh_token: Option<String>,
    /// The refresh token that was used last; exchanging it again returns the same tokens.
    spent: Option<String>,
    /// Number of refresh tokens used.
    pub(crate) exchanges: u32,
    /// Every token issued so far.
    pub(crate) given: Vec<String>,
}

impl Idp {
    pub(crate) fn new(world: &World) -> Self {
        let login = world.login.as_ref();
        let valid = login.filter(|login| !login.expired);
        Self {
            rng: Rng::with_seed(world.seed ^ 0x1d9),
            access_token: valid.map(|login| login.access_token.clone()),
            refresh_token: login.map(|login| login.refresh_token.clone()),
            spent: None,
            exchanges: 0,
            given: Vec::new(),
        }
    }

    pub(crate) fn accepts(&self, bearer: &str) -> bool {
        self.access_token.as_deref() == Some(bearer)
    }

    /// Whether this token can be exchanged now.
    pub(crate) fn is_usable(&self, refresh_token: &str) -> bool {
        let usable = [&self.refresh_token, &self.spent];
        usable.iter().any(|own| own.as_deref() == Some(refresh_token))
    }

    /// Whether this token is the latest one issued.
    pub(crate) fn is_next(&self, refresh_token: &str) -> bool {
        self.refresh_token.as_deref() == Some(refresh_token)
    }

    pub(crate) fn refresh(&mut self, refresh_token: &str) -> Result<Value, u16> {
        if !self.is_usable(refresh_token) {
            return Err(400);
        }
        if self.is_next(refresh_token) {
            self.exchanges += 1;
            let access_token = token(&mut self.rng, u64::from(self.exchanges));
            let next = key(&mut self.rng);
            self.given.extend([access_token.clone(), next.clone()]);
            self.spent = self.refresh_token.replace(next);
            self.access_token = Some(access_token);
        }
        Ok(json!({
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "user": { "id": "user_1", "email": "person@example.invalid" },
            "organization_id": "org_1",
        }))
    }
}
