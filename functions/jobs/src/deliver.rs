//! Takes what is due from the outbox, and says what became of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    id::UserId,
    limits::{MAIL_SEND_SECS, MAIL_WHOLE_SECS, NOTICE_LATE_SECS, NOTICES_OF_MAIL_MAX},
    notice::{NoticeId, Wanted, is_after_last, next_digest, retry_after},
    timing::later,
    user::{Standing, User},
};
use edge::{App, config::Config, mailbox};
use jiff::Timestamp;
use table::{
    TableError,
    mailboxes::Mailbox,
    outbox::{SHARDS, Taken, Told, Waiting},
};

use crate::{
    send::{Post, Undelivered},
    tell, write,
};

/// Tells people what waits for them. As many of these as there are may run at once: each notice is taken by one.
#[derive(Debug, Clone)]
pub struct Jobs {
    app: App,
    post: Post,
    /// `None`: it goes on.
    ends: Option<Timestamp>,
}

/// What became of the mails of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// Handed over.
    pub sent: usize,
    /// Not to be told: it is so no more, not wanted, or no address is known.
    pub dropped: usize,
    /// Not handed over, to be tried again.
    pub failed: usize,
    /// Given up.
    pub given_up: usize,
    /// Notices put off until the day's mail.
    pub put_off: usize,
}

impl Jobs {
    /// Tells what waits in the app's table by this post.
    #[must_use]
    pub const fn new(app: App, post: Post) -> Self {
        Self { app, post, ends: None }
    }

    /// The same for whoever is ended at an instant: no mail is begun that might be under way by then. What is left waits.
    #[must_use]
    pub fn until(self, ends: Timestamp) -> Self {
        Self { ends: Some(ends), ..self }
    }

    /// Tells everything that is due now. What fails for one person is logged, and holds up no other.
    ///
    /// # Errors
    /// [`TableError`], where what is due cannot be looked for.
    pub async fn round(&self) -> Result<Round, TableError> {
        let mut round = Round::default();
        if let Err(why) = Box::pin(self.app.table.tell_of_ends(self.app.now())).await {
            tracing::warn!(error = %why, "which links end soon could not be looked for now");
        }
        for shard in 0..SHARDS {
            let due = self.app.table.due_notices(shard, self.app.now()).await?;
            Box::pin(self.tell_each(due, &mut round)).await;
        }
        Ok(round)
    }

    /// Tells people what is due, and says whose could not be looked after: the table did not answer.
    pub(crate) async fn tell_each(&self, due: Vec<Waiting>, round: &mut Round) -> Vec<UserId> {
        let mut people: BTreeMap<UserId, Vec<Waiting>> = BTreeMap::new();
        for waiting in due {
            people.entry(waiting.notice.id.to).or_default().push(waiting);
        }
        let mut failed = Vec::new();
        for (person, notices) in people {
            if let Err(why) = Box::pin(self.tell(person, notices, round)).await {
                tracing::warn!(error = %why, "notices of a person could not be told now; they wait");
                failed.push(person);
            }
        }
        failed
    }

    pub(crate) const fn app(&self) -> &App {
        &self.app
    }

    /// Whether a mail that is begun now is over in time.
    fn has_time(&self) -> bool {
        self.ends.is_none_or(|ends| later(self.app.now(), MAIL_WHOLE_SECS) <= ends)
    }

    /// Tells one person what waits.
    async fn tell(&self, person: UserId, notices: Vec<Waiting>, round: &mut Round) -> Result<(), TableError> {
        if !self.has_time() {
            return Ok(());
        }
        let table = &self.app.table;
        let (Some(user), mailbox) = (table.user(person).await?, table.mailbox(person).await?) else { return Ok(()) };
        let (mails, early) = mails(notices, mailbox.wanted, self.app.now());
        for some in early.chunks(NOTICES_OF_MAIL_MAX) {
            if table.keep_for_digest(some, next_digest(self.app.now())).await? {
                round.put_off = round.put_off.saturating_add(some.len());
            }
        }
        for mail in mails {
            if !self.has_time() {
                break;
            }
            let Some(taken) = table.take_notices(&mail, self.app.now()).await? else { continue };
            self.hand_over(&user, &mailbox, &taken, round).await?;
        }
        Ok(())
    }

    /// Does with notices that were taken what is to be done, and says so.
    async fn hand_over(&self, user: &User, mailbox: &Mailbox, taken: &Taken, round: &mut Round) -> Result<(), TableError> {
        // Whoever had the last try said nothing: a mail on which the process ends would end it for ever.
        let is_over = taken.notices.iter().any(|one| is_after_last(one.tries));
        let sent = if is_over { Err(Undelivered::Later("tries".to_owned())) } else { Box::pin(self.sent(user, mailbox, taken)).await };
        let told = match sent {
            Ok(told) => self.told(taken, told).await.map(|()| {
                let counted = if told == Told::Sent { &mut round.sent } else { &mut round.dropped };
                *counted = counted.saturating_add(1);
            }),
            Err(why) => self.failed(taken, &why, round).await,
        };
        // It was perhaps sent, and the outbox does not know: it goes again, under the same name, when its time is over.
        told.inspect_err(|why| tracing::warn!(notice.id = %taken.mail, error = %why, "what became of a notice could not be written"))
    }

    /// Says what became of a mail; and of one that was sent, that its person was told.
    async fn told(&self, taken: &Taken, told: Told) -> Result<(), TableError> {
        let _in_time = self.app.table.notices_told(taken, told).await?;
        if told == Told::Sent {
            self.app.table.remember_told(&taken.notices, self.app.now()).await?;
        }
        Ok(())
    }

    async fn sent(&self, user: &User, mailbox: &Mailbox, taken: &Taken) -> Result<Told, Undelivered> {
        if mailbox.wanted == Wanted::Never {
            return Ok(Told::Unwanted);
        }
        if user.standing != Standing::Active {
            return Ok(Told::Over);
        }
        let address = mailbox::address(&self.app, user.id, mailbox);
        if address.is_none() && self.post.needs_address() {
            return Ok(Told::NoAddress);
        }
        let now = self.app.now();
        let Ok(lately) = self.app.table.told_lately(&taken.notices, now).await else {
            return Err(Undelivered::Later("table".to_owned()));
        };
        let (mut lines, mut said) = (Vec::new(), BTreeSet::new());
        for one in &taken.notices {
            if lately.contains(&one.notice.id) || !said.insert((one.notice.by, one.notice.occasion)) {
                continue;
            }
            match tell::line(&self.app, user, &one.notice, now).await {
                Ok(Some(line)) => match self.with_page(one.notice.id, line).await {
                    Ok(line) => lines.push(line),
                    Err(_why) => return Err(Undelivered::Later("table".to_owned())),
                },
                Ok(None) => {}
                Err(_why) => return Err(Undelivered::Later("table".to_owned())),
            }
        }
        if lines.is_empty() {
            return Ok(if said.is_empty() { Told::Repeated } else { Told::Over });
        }
        let at = taken.notices.last().map_or(now, |one| one.notice.at);
        let letter = write::Letter { mail: taken.mail, to: user, address, lines, at, app_url: self.app.config.app_url.as_deref() };
        let message = write::message(&letter, self.post.sender()).map_err(|_why| Undelivered::Never("not a mail".to_owned()))?;
        let handing_over = self.post.send(taken.mail, &message);
        match tokio::time::timeout(Duration::from_secs(MAIL_SEND_SECS), handing_over).await {
            Ok(sent) => sent.map(|()| Told::Sent),
            Err(_elapsed) => Err(Undelivered::Later("timeout".to_owned())),
        }
    }

    /// A line that asks something, with the page where that is answered; kept before it is mailed, or the page would know nothing of it.
    async fn with_page(&self, notice: NoticeId, line: tell::Line) -> Result<tell::Line, TableError> {
        let Config { app_url, address_key, .. } = &*self.app.config;
        let (Some(asks), Some(url), Some(key)) = (&line.asks, app_url, address_key) else { return Ok(line) };
        let nonce = key.nonce(notice);
        self.app.table.keep_question(nonce.hash(), asks).await?;
        let page = format!("Answer, signed in: {url}/mail/{}", nonce.reveal());
        let further = line.further.as_ref().map_or_else(|| page.clone(), |further| format!("{page}\n{further}"));
        Ok(tell::Line { further: Some(further), ..line })
    }

    async fn failed(&self, taken: &Taken, why: &Undelivered, round: &mut Round) -> Result<(), TableError> {
        let now = self.app.now();
        let tries = taken.notices.iter().map(|one| one.tries).max().unwrap_or_default();
        tracing::warn!(notice.id = %taken.mail, notice.tries = tries, why = why.word(), "a mail was not handed over");
        let again = if matches!(why, Undelivered::Later(_)) { retry_after(tries) } else { None };
        if let Some(secs) = again {
            self.app.table.notices_failed(taken, later(now, secs)).await?;
            round.failed = round.failed.saturating_add(1);
        } else {
            self.app.table.notices_given_up(taken, why.word(), now).await?;
            round.given_up = round.given_up.saturating_add(1);
        }
        Ok(())
    }
}

/// What one person's notices come to: the mails, and what is put off until the day's mail. Those that were taken together go together, or wait for the
/// others; what is told each day has waited for its hour; and what nobody told for a day, as where no mail server was named, is not a mail each.
fn mails(notices: Vec<Waiting>, wanted: Wanted, now: Timestamp) -> (Vec<Vec<Waiting>>, Vec<Waiting>) {
    let (again, fresh): (Vec<_>, Vec<_>) = notices.into_iter().partition(|one| one.mail.is_some());
    let mut tried: BTreeMap<Option<NoticeId>, Vec<Waiting>> = BTreeMap::new();
    for one in again {
        tried.entry(one.mail).or_default().push(one);
    }
    let mut mails: Vec<_> = tried.into_values().filter(|mail| mail.iter().all(|one| one.of == mail.len())).collect();
    let goes_with_others = |one: &Waiting| match wanted {
        Wanted::Daily => one.digest,
        Wanted::Each | Wanted::Never => !one.digest && later(one.notice.at, NOTICE_LATE_SECS) < now,
    };
    let (mut together, single): (Vec<_>, Vec<_>) = fresh.into_iter().partition(goes_with_others);
    together.sort_unstable_by_key(|one| one.notice.id);
    mails.extend(together.chunks(NOTICES_OF_MAIL_MAX).map(<[Waiting]>::to_vec));
    if wanted == Wanted::Daily {
        return (mails, single);
    }
    // Whoever changed the mind is told one by one, from now on.
    mails.extend(single.into_iter().map(|one| vec![one]));
    (mails, Vec::new())
}
