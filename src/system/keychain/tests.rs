use std::cell::RefCell;

use super::*;

/// A keychain in memory that records the lookups.
#[derive(Default)]
pub(crate) struct MemoryKeychain {
    pub(crate) items: Vec<(String, String, ItemResult)>,
    pub(crate) reads: RefCell<Vec<String>>,
}

impl MemoryKeychain {
    pub(crate) fn with(mut self, service: &str, account: &str, secret: &str) -> Self {
        let secret = Ok(Some(SecretValue::new(secret.to_owned())));
        self.items.push((service.to_owned(), account.to_owned(), secret));
        self
    }

    pub(crate) fn locked(mut self, service: &str, account: &str) -> Self {
        let locked = Err(KeychainError::Locked);
        self.items.push((service.to_owned(), account.to_owned(), locked));
        self
    }
}

impl Keychain for MemoryKeychain {
    fn read(&self, service: &str, account: &str) -> ItemResult {
        self.reads.borrow_mut().push(format!("{service}/{account}"));
        let mut items = self.items.iter();
        let item = items.find(|(s, a, _)| s == service && a == account);
        item.map_or(Ok(None), |(_, _, lookup)| lookup.clone())
    }

    fn accounts(&self, service: &str) -> Vec<String> {
        let items = self.items.iter().filter(|(s, ..)| s == service);
        items.map(|(_, account, _)| account.clone()).collect()
    }
}

#[test]
fn the_time_that_calls_may_take_is_spent_once() {
    let keychain = SystemKeychain {
        platform: Platform::Unix,
        allowed: true,
        limit: Duration::from_millis(50),
        home: None,
    };
    let (_open, never) = mpsc::channel::<()>();
    assert!(keychain.within_limit(move || never.recv()).is_none());
    for keychain in [keychain.clone(), keychain] {
        assert!(keychain.within_limit(|| ()).is_none());
        assert_eq!(keychain.read("s", "a").err(), Some(KeychainError::TimedOut));
    }
}
