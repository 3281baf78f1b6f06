//! Passwords of links: Argon2id (RFC 9106), away from the threads that answer, and few at a time.

use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use domain::limits::{
    PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, PASSWORD_LANES, PASSWORD_MEMORY_KIB, PASSWORD_PASSES, PASSWORD_TURN_SECS, PASSWORDS_AT_ONCE_MAX,
};
use http::StatusCode;
use subtle::ConstantTimeEq;
use table::passes::Password;
use tokio::sync::Semaphore;
use wire::secret::Secret;

use crate::{App, problem::Problem};

/// Each fills its memory, so only so many are looked at at once.
static AT_ONCE: Semaphore = Semaphore::const_new(PASSWORDS_AT_ONCE_MAX);

/// What is kept of a new password.
///
/// # Errors
/// 422 `password` for one that is too short or too long.
pub async fn keep(app: &App, password: &Secret) -> Result<Password, Problem> {
    let text = &password.0;
    if text.chars().count() < PASSWORD_CHARS_MIN || text.len() > PASSWORD_BYTES_MAX {
        let detail = format!("a password has at least `{PASSWORD_CHARS_MIN}` characters, and at most `{PASSWORD_BYTES_MAX}` bytes");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "password", detail)
            .at("/password")
            .hint("a few words that nobody would guess are easy to say on the telephone"));
    }
    let empty =
        Password { salt: app.random()?, hash: [0; 32], memory_kib: PASSWORD_MEMORY_KIB, passes: PASSWORD_PASSES, lanes: PASSWORD_LANES };
    let hash = hash(text.clone(), empty.clone()).await?;
    Ok(Password { hash, ..empty })
}

/// Whether this is the password. As much work where the link keeps none, or none was said.
///
/// # Errors
/// 500, where it cannot be looked at: never a yes.
pub(crate) async fn is_right(said: Option<&Secret>, kept: Option<Password>) -> Result<bool, Problem> {
    let is_kept = kept.is_some();
    let kept = kept.unwrap_or(Password {
        salt: [0; 16],
        hash: [0; 32],
        memory_kib: PASSWORD_MEMORY_KIB,
        passes: PASSWORD_PASSES,
        lanes: PASSWORD_LANES,
    });
    let said = said.map(|said| said.0.as_str()).filter(|said| said.len() <= PASSWORD_BYTES_MAX);
    let want = kept.hash;
    let hash = hash(said.unwrap_or_default().to_owned(), kept).await?;
    Ok(bool::from(hash.ct_eq(&want)) && is_kept && said.is_some())
}

/// What Argon2id makes of a password with what is kept of it.
async fn hash(text: String, with: Password) -> Result<[u8; 32], Problem> {
    let failed = |why: &dyn std::fmt::Display| {
        tracing::error!(why = %why, "a password could not be looked at");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong here")
    };
    let turn = tokio::time::timeout(Duration::from_secs(PASSWORD_TURN_SECS), AT_ONCE.acquire()).await;
    let turn =
        turn.map_err(|_elapsed| Problem::unavailable("busy", "too many passwords are looked at just now"))?.map_err(|why| failed(&why))?;
    let done = tokio::task::spawn_blocking(move || {
        let hashed = hash_now(&text, &with);
        // Whoever asked may be gone by now; the memory was taken all the same.
        drop(turn);
        hashed
    });
    done.await.map_err(|why| failed(&why))?.map_err(|why| failed(&why))
}

/// The work itself.
fn hash_now(text: &str, with: &Password) -> Result<[u8; 32], argon2::Error> {
    let params = Params::new(with.memory_kib, with.passes, with.lanes, Some(32))?;
    let mut blocks = vec![Block::default(); params.block_count()];
    let mut hash = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
        text.as_bytes(),
        &with.salt,
        &mut hash,
        &mut blocks,
    )?;
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_itself_and_no_other_and_none_is_none() {
        let said = Secret("correct horse".to_owned());
        let empty = Password { salt: [7; 16], hash: [0; 32], memory_kib: 64, passes: 1, lanes: 1 };
        let kept = Password { hash: hash(said.0.clone(), empty.clone()).await.unwrap(), ..empty };
        assert!(is_right(Some(&said), Some(kept.clone())).await.unwrap());
        for wrong in ["correct horsf", "correct horse ", "", "Correct horse"] {
            assert!(!is_right(Some(&Secret(wrong.to_owned())), Some(kept.clone())).await.unwrap(), "{wrong}");
        }
        assert!(!is_right(None, Some(kept.clone())).await.unwrap());
        assert!(!is_right(Some(&said), None).await.unwrap());
        let salted = Password { salt: [8; 16], ..kept };
        assert!(!is_right(Some(&said), Some(salted)).await.unwrap(), "the salt counts");
        let odd = Password { memory_kib: 0, ..Password { salt: [7; 16], hash: [0; 32], memory_kib: 64, passes: 1, lanes: 1 } };
        assert!(is_right(Some(&said), Some(odd)).await.is_err(), "what cannot be looked at is no yes");
    }

    // SECURITY T36: whoever asks and goes away leaves his turn taken for as long as the work goes on
    #[tokio::test]
    async fn no_more_are_looked_at_at_once_than_have_room_even_where_nobody_waits() {
        let slow = Password { salt: [7; 16], hash: [0; 32], memory_kib: 4_096, passes: 100, lanes: 1 };
        for _ in 0..2 * PASSWORDS_AT_ONCE_MAX {
            let left = tokio::time::timeout(Duration::from_millis(20), hash("correct horse".to_owned(), slow.clone())).await;
            assert!(left.is_err(), "the work is slow enough for this test");
        }
        assert_eq!(AT_ONCE.available_permits(), 0, "those that were left go on, and no other began");
    }
}
