//! The mail that tells a person something: plain text, with no key in it and no way to act but to sign in.

use domain::{address::EmailAddress, notice::NoticeId, user::User};
use jiff::Timestamp;
use lettre::{
    Address, Message,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use thiserror::Error;

use crate::tell::{Line, shown};

/// Not a mail: an address or a header that no mail can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no mail can be made of it")]
pub(crate) struct LetterError;

/// What is told to whom.
#[derive(Debug)]
pub(crate) struct Letter<'a> {
    /// Its name: the same for each try.
    pub(crate) mail: NoticeId,
    pub(crate) to: &'a User,
    /// `None`: the mail is for a folder, where it says whom it is for by name.
    pub(crate) address: Option<EmailAddress>,
    pub(crate) lines: Vec<Line>,
    /// When the last of it happened.
    pub(crate) at: Timestamp,
    pub(crate) app_url: Option<&'a str>,
}

/// The mail. Each try of the same notices has the same `Message-ID`, which is what a server knows a second copy by.
///
/// # Errors
/// [`LetterError`].
pub(crate) fn message(letter: &Letter<'_>, from: &Mailbox) -> Result<Message, LetterError> {
    let nowhere = || format!("{}@no-address.invalid", letter.to.id);
    let address: Address =
        letter.address.as_ref().map_or_else(nowhere, |known| known.reveal().to_owned()).parse().map_err(|_why| LetterError)?;
    let subject = match letter.lines.as_slice() {
        [one] => one.happened.clone(),
        several => format!("{} things happened on Offprint", several.len()),
    };
    let automatic = HeaderName::new_from_ascii("Auto-Submitted".to_owned()).map_err(|_why| LetterError)?;
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(Some(shown(&letter.to.name)), address))
        .subject(subject)
        .date(letter.at.into())
        .message_id(Some(format!("<{}@{}>", letter.mail, from.email.domain())))
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .header(ContentType::TEXT_PLAIN)
        .body(body(letter))
        .map_err(|_why| LetterError)
}

fn body(letter: &Letter<'_>) -> String {
    let page = letter.app_url.map_or_else(|| "Sign in at your Offprint.".to_owned(), |url| format!("Sign in: {url}/"));
    let name = shown(&letter.to.name);
    let text = |line: &Line| match &line.further {
        Some(further) => format!("{}.\n{further}", line.happened),
        None => format!("{}.", line.happened),
    };
    let lines = letter.lines.iter().map(text).collect::<Vec<_>>().join("\n\n");
    format!(
        "Hello {name},\n\n{lines}\n\n{page}\n\n-- \nThis Offprint tells you what others do that concerns you.\nOnce a day, or not at all: offprint notices set daily, or none.\n"
    )
}

#[cfg(test)]
mod tests {
    use domain::id::UserId;

    use super::*;

    fn told(name: &str, happened: &[&str]) -> String {
        let to = User::new(UserId::new("018cc251-f400-7000-8000-000000000001".parse().unwrap()), name.to_owned());
        let letter = Letter {
            mail: NoticeId { entry: "018cc251-f400-7000-8000-000000000002".parse().unwrap(), to: to.id },
            to: &to,
            address: Some(EmailAddress::parse("bo@lab.example").unwrap()),
            lines: happened
                .iter()
                .map(|text| Line { happened: (*text).to_owned(), further: Some("Look.".to_owned()), asks: None })
                .collect(),
            at: "2027-01-01T00:00:00Z".parse().unwrap(),
            app_url: Some("https://app.lab.example"),
        };
        let mail = message(&letter, &"Offprint <offprint@lab.example>".parse().unwrap()).unwrap().formatted();
        // A long header goes on in the next line.
        String::from_utf8(mail).unwrap().replace("\r\n ", " ")
    }

    #[test]
    fn a_mail_is_plain_text_that_leads_to_the_app() {
        let mail = told("Bo", &["Ada M. Lovelace shared lab:retina/ with you"]);
        for part in [
            "From: Offprint <offprint@lab.example>\r\n",
            "To: Bo <bo@lab.example>\r\n",
            "Subject: Ada M. Lovelace shared lab:retina/ with you\r\n",
            "Ada M. Lovelace shared lab:retina/ with you.\r\nLook.\r\n",
            "Date: Fri, 01 Jan 2027 00:00:00 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "https://app.lab.example/",
        ] {
            assert!(mail.contains(part), "{part:?} in {mail}");
        }
        let id = "Message-ID: <018cc251-f400-7000-8000-000000000002.u";
        assert!(mail.contains(id), "{mail}");
        assert_eq!(mail, told("Bo", &["Ada M. Lovelace shared lab:retina/ with you"]), "each try is the same mail");
        assert!(told("Bo", &["One", "Two"]).contains("Subject: 2 things happened on Offprint\r\n"));
    }

    // SECURITY: names as typed are data
    #[test]
    fn a_name_adds_no_header_and_no_addressee() {
        for name in ["Bo\r\nBcc: eve@evil.example", "Bo <eve@evil.example>, x", "\"Bo\" \\", "Zoë\n", "李"] {
            let mail = told(name, &[&format!("{} shared x with you", shown(name))]);
            let head = mail.split("\r\n\r\n").next().unwrap();
            let fields: Vec<_> = head.lines().filter(|line| !line.starts_with(' ')).map(|line| line.split(':').next().unwrap()).collect();
            let want = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding"];
            assert!(fields.iter().all(|field| want.contains(field) || *field == "MIME-Version"), "{name:?}: {fields:?}");
            assert_eq!(fields.iter().filter(|field| **field == "To").count(), 1, "{name:?}");
            let to = head.lines().find(|line| line.starts_with("To:")).unwrap();
            assert!(!to.contains("<eve@evil.example>,"), "{name:?}: {to}");
        }
    }
}
