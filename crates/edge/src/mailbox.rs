//! Where a person is written to: the address that a provider vouched for last, kept sealed (ADR 0057).
//!
//! Addresses are never looked up by it: it lies beside its person, and opens with the deployment's key of addresses alone.

use chacha20poly1305::{
    ChaCha20Poly1305, Key, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use domain::{
    address::{AddressKey, EmailAddress},
    id::UserId,
    user::User,
};
use identity::Verified;
use jiff::Timestamp;
use table::mailboxes::Mailbox;

use crate::{App, problem::Problem, provider::Provider};

/// The key of addresses, where the deployment believes what its provider says of them.
fn key(app: &App) -> Option<&AddressKey> {
    app.config.address_key.as_ref().filter(|_| app.provider.as_ref().is_some_and(Provider::vouches_for_email))
}

/// The address that a person is written to; `None`: none is known, or the deployment believes none any more.
#[must_use]
pub fn address(app: &App, person: UserId, mailbox: &Mailbox) -> Option<EmailAddress> {
    open(key(app)?, person, mailbox.sealed.as_deref()?)
}

/// Keeps the address that the provider vouches for of a person who signs in, or that there is none any more. Signing in does not fail for it.
pub async fn keep(app: &App, person: &User, known: &Verified, now: Timestamp) {
    let Some(key) = key(app) else { return };
    let said = known.email.as_deref().and_then(|text| EmailAddress::parse(text).ok());
    if let Err(why) = keep_one(app, key, person.id, said, now).await {
        tracing::warn!(code = why.code, "where a person is written to could not be kept");
    }
}

async fn keep_one(app: &App, key: &AddressKey, person: UserId, said: Option<EmailAddress>, now: Timestamp) -> Result<(), Problem> {
    let mailbox = app.table.mailbox(person).await?;
    let there = mailbox.sealed.as_deref().and_then(|sealed| open(key, person, sealed));
    // One that does not open, by a key of before, is none.
    if there == said && there.is_some() == mailbox.sealed.is_some() {
        return Ok(());
    }
    let sealed = match said {
        Some(address) => seal(key, person, &address, app.random()?),
        None => None,
    };
    app.table.set_address(person, &mailbox, sealed, now).await?;
    Ok(())
}

/// An address as only this key opens it, for this person. A nonce is used once.
fn seal(key: &AddressKey, person: UserId, address: &EmailAddress, nonce: [u8; 12]) -> Option<String> {
    let whose = person.to_string();
    let payload = Payload { msg: address.reveal().as_bytes(), aad: whose.as_bytes() };
    let sealed = ChaCha20Poly1305::new(&Key::from(key.mailbox())).encrypt(&Nonce::from(nonce), payload).ok()?;
    Some(data_encoding::BASE64URL_NOPAD.encode(&[nonce.as_slice(), &sealed].concat()))
}

fn open(key: &AddressKey, person: UserId, sealed: &str) -> Option<EmailAddress> {
    let bytes = data_encoding::BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
    let (nonce, sealed) = bytes.split_first_chunk::<12>()?;
    let whose = person.to_string();
    let payload = Payload { msg: sealed, aad: whose.as_bytes() };
    let plain = ChaCha20Poly1305::new(&Key::from(key.mailbox())).decrypt(&Nonce::from(*nonce), payload).ok()?;
    EmailAddress::parse(&String::from_utf8(plain).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // SECURITY T4: the table alone tells no address, and one person's is not another's
    #[test]
    fn an_address_opens_with_its_key_and_for_its_person_alone() {
        let key = |byte: u8| AddressKey::new(vec![byte; 32]).unwrap();
        let person = |number: u128| UserId::new(uuid::Uuid::from_u128(number));
        let address = EmailAddress::parse("Bo@lab.example").unwrap();
        let sealed = seal(&key(1), person(1), &address, [3; 12]).unwrap();
        assert!(!sealed.contains("bo@") && open(&key(1), person(1), &sealed).unwrap().reveal() == "bo@lab.example");
        assert_ne!(sealed, seal(&key(1), person(1), &address, [4; 12]).unwrap(), "the same address does not look the same");
        let changed = format!("{}A", sealed.get(..sealed.len() - 1).unwrap());
        let other = if sealed.ends_with('A') { sealed.replace('A', "B") } else { changed };
        for (key, person, sealed) in
            [(key(2), person(1), sealed.as_str()), (key(1), person(2), &sealed), (key(1), person(1), &other), (key(1), person(1), "")]
        {
            assert_eq!(open(&key, person, sealed), None);
        }
    }
}
