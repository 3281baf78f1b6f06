//! What mails ask, under the hash of what stands in their addresses: it tells whoever is asked what an answer is about, and opens nothing (ADR 0066).
//!
//! Not here: what is asked (`domain/question.rs`), and whether it still waits, which what it is about says.

use domain::{
    id::{DatasetId, ProjectId, UserId},
    invitation::Target,
    key::KeyHash,
    question::{Question, Subject},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Table,
    error::TableError,
    item::{Row, item, row, time, unreadable},
    read::Cost,
    schema,
    write::Condition,
};

#[derive(Serialize, Deserialize)]
struct QuestionRow {
    needs: Vec<String>,
    to: String,
    by: String,
    subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dataset: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    mark: String,
    until: i64,
    ttl: i64,
}

impl Row for QuestionRow {
    const WHAT: &'static str = "a question";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl QuestionRow {
    fn of(question: &Question) -> Self {
        let (subject, dataset, project) = match question.subject {
            Subject::Connection => (CONNECTION, None, None),
            Subject::Invitation(Target::Dataset(id)) => (INVITATION, Some(id.to_string()), None),
            Subject::Invitation(Target::Project(id)) => (INVITATION, None, Some(id.to_string())),
            Subject::Offer(id) => (OFFER, Some(id.to_string()), None),
        };
        Self {
            needs: Vec::new(),
            to: question.to.to_string(),
            by: question.by.to_string(),
            subject: subject.to_owned(),
            dataset,
            project,
            mark: question.mark.clone(),
            until: question.until.as_millisecond(),
            ttl: question.until.as_second(),
        }
    }

    fn question(self) -> Result<Question, TableError> {
        let dataset = self.dataset.map(|id| DatasetId::parse(&id)).transpose().map_err(unreadable(Self::WHAT))?;
        let project = self.project.map(|id| ProjectId::parse(&id)).transpose().map_err(unreadable(Self::WHAT))?;
        let subject = match (self.subject.as_str(), dataset, project) {
            (CONNECTION, None, None) => Subject::Connection,
            (INVITATION, Some(id), None) => Subject::Invitation(Target::Dataset(id)),
            (INVITATION, None, Some(id)) => Subject::Invitation(Target::Project(id)),
            (OFFER, Some(id), None) => Subject::Offer(id),
            _ => return Err(TableError::Unreadable { what: Self::WHAT }),
        };
        Ok(Question {
            to: UserId::parse(&self.to).map_err(unreadable(Self::WHAT))?,
            by: UserId::parse(&self.by).map_err(unreadable(Self::WHAT))?,
            subject,
            mark: self.mark,
            until: time(self.until, Self::WHAT)?,
        })
    }
}

const CONNECTION: &str = "connection";
const INVITATION: &str = "invitation";
const OFFER: &str = "offer";

impl Table {
    /// Keeps what a mail asks, before the mail is handed over. Another try of the same mail asks the same.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn keep_question(&self, nonce: KeyHash, question: &Question) -> Result<(), TableError> {
        self.put_alone(item(&schema::question(nonce), &QuestionRow::of(question))?, Condition::absent()).await.map(|_put| ())
    }

    /// What a mail asked whose question waits at `now`, as far as the question itself says.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn question(&self, nonce: KeyHash, now: Timestamp) -> Result<Option<Question>, TableError> {
        let found = self.get(&schema::question(nonce), &mut Cost::default()).await?;
        Ok(found.map(|item| row::<QuestionRow>(item)?.question()).transpose()?.filter(|question| now < question.until))
    }
}
