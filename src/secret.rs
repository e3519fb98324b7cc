//! Texts that nobody may see, and the filter for the words of others, which may repeat them (promise 10).
//!
//! A server, or a proxy before it, may put what it was sent into its error: the password of a login, a token. Its
//! words go to logs and exceptions, so each passes [`filtered`]. Our own words need no filter: a [`Secret`] cannot
//! be formatted. They are left alone on purpose, since a password can be a common word, and would be given away by
//! the places where it is missing.

use std::fmt;
use std::fmt::Write as _;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;

/// What stands in place of a secret.
pub const FILTERED: &str = "[FILTERED]";

/// What etcd says of any wrong password. It holds none, whatever the password is.
const WRONG_PASSWORD: &str = "etcdserver: authentication failed, invalid user ID or password";

/// Shorter ones are filtered as whole words only: of single letters a filter would leave a riddle that tells them.
const SHORT: usize = 4;

/// All secrets that live. Without a lock, which another thread could hold at a fork.
static SECRETS: ArcSwapOption<Vec<Weak<str>>> = ArcSwapOption::const_empty();

/// A text that no log, error or debug output can show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Hides `text`: from now on [`filtered`] takes it out of the words of others.
    pub fn new(text: impl Into<String>) -> Self {
        let secret: Arc<str> = text.into().into();
        if !secret.is_empty() {
            let added = Arc::downgrade(&secret);
            SECRETS.rcu(|known| {
                let living = known.iter().flat_map(|known| known.iter()).filter(|one| one.strong_count() > 0);
                Some(Arc::new(living.cloned().chain([added.clone()]).collect()))
            });
        }
        Self(secret)
    }

    /// The text itself, for the one call that sends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FILTERED)
    }
}

/// The `words` of others without any secret that lives in this process.
#[must_use]
pub fn filtered(words: &str) -> String {
    if words == WRONG_PASSWORD {
        return words.to_owned();
    }
    let Some(known) = SECRETS.load_full() else { return words.to_owned() };
    let mut forms: Vec<String> = known.iter().filter_map(Weak::upgrade).flat_map(|one| forms(&one)).collect();
    // The longest first: one secret may be part of another.
    forms.sort_unstable_by_key(|form| std::cmp::Reverse(form.len()));
    forms.iter().fold(words.to_owned(), |words, form| without(&words, form))
}

/// How `secret` may be written: as it is, quoted, and in a URL.
fn forms(secret: &str) -> [String; 3] {
    let in_url = secret.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    });
    [secret.to_owned(), secret.escape_debug().collect(), in_url]
}

fn without(words: &str, secret: &str) -> String {
    let is_short = secret.chars().count() < SHORT;
    let mut shown = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(at) = rest.find(secret) {
        let (before, after) = (&rest[..at], &rest[at + secret.len()..]);
        let joined = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
        let before_it = before.chars().next_back().or_else(|| shown.chars().next_back());
        shown.push_str(before);
        let part_of_a_word = is_short && (joined(before_it) || joined(after.chars().next()));
        shown.push_str(if part_of_a_word { secret } else { FILTERED });
        rest = after;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        assert!(!format!("{:?}", Secret::new("correct-horse")).contains("horse"));
    }

    #[test]
    fn a_secret_is_taken_out_of_the_words_of_others_in_each_form_that_they_may_give_it() {
        let _secret = Secret::new("pa\"ss/w0rd");
        for words in
            ["bad login pa\"ss/w0rd!", "bad login \"pa\\\"ss/w0rd\"!", "/login?password=pa%22ss%2Fw0rd!"]
        {
            let shown = filtered(words);
            assert!(shown.contains(FILTERED) && !shown.contains("w0rd"), "{shown}");
        }
    }

    #[test]
    fn a_short_secret_is_taken_out_where_it_stands_alone_and_leaves_words_whole() {
        let _secret = Secret::new("zq");
        assert_eq!(
            filtered("login 'zq' refused, zqueue zq"),
            "login '[FILTERED]' refused, zqueue [FILTERED]"
        );
    }

    #[test]
    fn a_secret_that_holds_another_goes_as_a_whole() {
        let _secrets = [Secret::new("k9-inner"), Secret::new("k9-inner-and-outer")];
        assert_eq!(filtered("k9-inner-and-outer, k9-inner"), "[FILTERED], [FILTERED]");
    }

    #[test]
    fn a_secret_that_nobody_holds_any_more_is_forgotten() {
        drop(Secret::new("gone-for-good"));
        assert_eq!(filtered("gone-for-good"), "gone-for-good");
        let _next = Secret::new("another-one");
        let known = SECRETS.load_full();
        assert!(
            known
                .iter()
                .flat_map(|known| known.iter())
                .all(|one| one.upgrade().as_deref() != Some("gone-for-good"))
        );
    }

    #[test]
    fn what_etcd_says_of_every_wrong_password_tells_none() {
        let _secret = Secret::new("password");
        assert_eq!(filtered(WRONG_PASSWORD), WRONG_PASSWORD);
        assert_eq!(filtered("the password is password"), "the [FILTERED] is [FILTERED]");
    }
}
