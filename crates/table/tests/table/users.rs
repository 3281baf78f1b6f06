//! Rules of people and tokens.

use domain::{
    decision::{Action, Facts},
    grant::Net,
    id::{TokenId, UserId},
    limits::TOKENS_MAX,
    rights::{Right, Role},
    terms::DataTerms,
    token::{Token, TokenKind, TokenSecret},
    user::{AccountEdit, Standing, User},
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use table::TableError;

use crate::{
    example::{Deployment, a_token, later, now, once, some_id},
    faults::{Fault, Faults},
    people::{Person, a_code, key, some_secret, text},
    stores::Store,
};

pub async fn a_token_opens_until_it_is_revoked(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (user, token) = deployment.table.bearer(deployment.secret.hash()).await.unwrap().unwrap();
    assert_eq!((&user, &token), (&deployment.user, &deployment.token));
    assert_eq!(deployment.table.bearer(TokenSecret::new([250; 20]).hash()).await, Ok(None));
    let second = a_token(&deployment.user, &TokenSecret::new([251; 20]));
    deployment.table.insert_session(&deployment.administer(), &second, now()).await.unwrap();
    let again_there = deployment.table.insert_session(&deployment.administer(), &second, now()).await;
    assert_eq!(again_there, Err(TableError::Exists { what: "the token" }));
    assert_eq!(deployment.table.tokens_of(user.id).await.unwrap().len(), 2);
    let revoked = deployment.table.revoke_token(&deployment.administer(), &token, later(5)).await.unwrap();
    assert_eq!(revoked.revoked, Some(later(5)));
    let again = deployment.table.revoke_token(&deployment.administer(), &token, later(9)).await.unwrap();
    assert_eq!(again, revoked, "the first time stays");
    let (_, token) = deployment.table.bearer(token.hash).await.unwrap().unwrap();
    assert!(!token.is_live(later(5)), "a revoked token is known, and dead");
    assert_eq!(deployment.table.tokens_of(user.id).await, Ok(vec![token, second]));
    assert_eq!(deployment.audited("token.revoke", revoked.id).await, 1);
    let never_made = a_token(&deployment.user, &TokenSecret::new([252; 20]));
    let missing = deployment.table.revoke_token(&deployment.administer(), &never_made, now()).await;
    assert_eq!(missing, Err(TableError::Missing { what: "the token" }));
}

pub async fn a_deployment_is_founded_once(store: Store) {
    let table = store.table(&format!("founded-{}-{}", std::process::id(), crate::example::unique())).await;
    assert_eq!(table.founder().await, Ok(None));
    let user = |name: &str| User { administrator: true, ..User::new(some_id(UserId::new), name.to_owned()) };
    let (first, second) = (user("first"), user("second"));
    let token = a_token(&first, &TokenSecret::new([1; 20]));
    table.bootstrap(&first, &token, now()).await.unwrap();
    assert_eq!(table.founder().await, Ok(Some(first.id)));
    let late = table.bootstrap(&second, &a_token(&second, &TokenSecret::new([2; 20])), now()).await;
    assert_eq!(late, Err(TableError::Exists { what: "an administrator" }));
    assert_eq!(table.user(second.id).await, Ok(None));
    assert_eq!(table.user(first.id).await, Ok(Some(first.clone())));
    assert_eq!(table.bootstrap(&second, &token, now()).await, Err(TableError::NotForThis), "a token of somebody else");
    table.create().await.expect("making the table again changes nothing");
    assert_eq!(table.founder().await, Ok(Some(first.id)));
}

pub async fn nobody_makes_a_token_for_somebody_else(store: Store) {
    let deployment = Deployment::new(&store).await;
    let other = User { standing: Standing::Suspended, ..User::new(some_id(UserId::new), "Bo".to_owned()) };
    deployment.table.insert_user(&deployment.administer(), &other, &a_code(&other), None, now()).await.unwrap();
    assert_eq!(deployment.table.user(other.id).await, Ok(Some(other.clone())));
    let again_there = deployment.table.insert_user(&deployment.administer(), &other, &a_code(&other), None, now()).await;
    assert_eq!(again_there, Err(TableError::Exists { what: "a user of this name" }));
    let token = a_token(&other, &TokenSecret::new([3; 20]));
    let refused = deployment.table.insert_session(&deployment.administer(), &token, now()).await;
    assert_eq!(refused, Err(TableError::NotForThis), "it would act with that person's rights");
    assert_eq!(deployment.table.bearer(token.hash).await, Ok(None));
}

// SEMANTICS 6
pub async fn what_is_shown_once_is_made_once_for_a_key(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (table, administer) = (&deployment.table, deployment.administer());
    let new = || {
        let name = "Émile".to_owned();
        let user = User::new(some_id(UserId::new), name);
        (a_code(&user), user)
    };
    let ((first_code, first), (again_code, again)) = (new(), new());
    let make = async |user: &User, code: &Token, once| table.insert_user(&administer, user, code, Some(&once), now()).await;
    assert_eq!(make(&first, &first_code, once("a", 1)).await, Ok(first_code.clone()));
    assert_eq!(make(&again, &again_code, once("a", 1)).await, Ok(first_code.clone()), "the same request again");
    assert_eq!(make(&again, &again_code, once("a", 2)).await, Err(TableError::Mismatch));
    assert_eq!(make(&again, &again_code, once("b", 1)).await, Err(TableError::Exists { what: "a user of this name" }));
    assert_eq!(make(&again, &first_code, once("c", 1)).await, Err(TableError::NotForThis), "another's code");
    assert_eq!(table.user(again.id).await, Ok(None));
    assert_eq!(deployment.audited("user.create", first.id).await, 1);
    let permit = deployment.permit(Action::MakeToken, &Facts::Deployment);
    let tokens = [(); 2].map(|()| Token { kind: TokenKind::Api, ..a_token(&deployment.user, &some_secret()) });
    for token in &tokens {
        assert_eq!(table.insert_token(&permit, token, Some(&once("e", 1)), now()).await, Ok(tokens[0].clone()));
    }
    assert_eq!(table.bearer(tokens[1].hash).await, Ok(None));
    let next_day = later(86_401);
    assert_eq!(table.insert_token(&permit, &tokens[1], Some(&once("e", 1)), next_day).await, Ok(tokens[1].clone()), "forgotten by then");
}

// SECURITY 2
pub async fn a_code_is_redeemed_once(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (bo, cy) = (deployment.person("Bo").await, deployment.person("Cy").await);
    let code = a_code(&bo.user);
    deployment.table.insert_code(&deployment.administer(), &code, None, now()).await.unwrap();
    let session = || a_token(&bo.user, &some_secret());
    let redeem = async |code: &Token, session: &Token, at| deployment.table.redeem_code(code, session, at).await;
    assert_eq!(redeem(&code, &a_token(&cy.user, &some_secret()), now()).await, Err(TableError::NotForThis), "somebody else's session");
    assert_eq!(redeem(&session(), &session(), now()).await, Err(TableError::NotForThis), "no code");
    assert_eq!(redeem(&code, &Token { kind: TokenKind::Api, ..session() }, now()).await, Err(TableError::NotForThis), "no session");
    assert_eq!(redeem(&code, &session(), code.until).await, Err(TableError::NotForThis), "past its end");
    assert_eq!(redeem(&a_code(&bo.user), &session(), now()).await, Err(TableError::Stale), "a code that was never made");
    let (first, second) = (session(), session());
    redeem(&code, &first, later(5)).await.unwrap();
    assert_eq!(redeem(&code, &second, later(6)).await, Err(TableError::Stale));
    assert_eq!(deployment.table.bearer(first.hash).await, Ok(Some((bo.user.clone(), first))));
    assert_eq!(deployment.table.bearer(second.hash).await, Ok(None));
    let (_, used) = deployment.table.bearer(code.hash).await.unwrap().unwrap();
    assert_eq!(used.revoked, Some(later(5)));
    assert_eq!(redeem(&used, &session(), later(7)).await, Err(TableError::NotForThis));
    let (late, permit) = (a_code(&bo.user), deployment.administer());
    deployment.table.insert_code(&permit, &late, None, now()).await.unwrap();
    deployment.table.edit_user(&permit, bo.user.id, Standing::Suspended.into(), None, None, now()).await.unwrap();
    assert_eq!(redeem(&late, &session(), now()).await, Err(TableError::Stale), "suspended meanwhile");
}

// SEMANTICS 6
pub async fn of_a_request_that_is_sent_twice_at_once_one_secret_comes(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (administer, bo) = (deployment.administer(), deployment.person("Bo").await);
    let codes = [a_code(&bo.user), a_code(&bo.user)];
    let key = once("a", 1);
    let all = join_all(codes.iter().map(|code| deployment.table.insert_code(&administer, code, Some(&key), now()))).await;
    let one = all[0].clone().unwrap();
    assert_eq!((all[1].clone(), codes.contains(&one)), (Ok(one), true));
    assert_eq!(deployment.audited("user.code", bo.user.id).await, 1);
}

// SECURITY 2
pub async fn of_two_who_redeem_a_code_at_once_one_signs_in(store: Store) {
    let deployment = Deployment::new(&store).await;
    let bo = deployment.person("Bo").await;
    for _ in 0..5 {
        let code = a_code(&bo.user);
        deployment.table.insert_code(&deployment.administer(), &code, None, now()).await.unwrap();
        let sessions = [(); 2].map(|()| a_token(&bo.user, &some_secret()));
        let all = join_all(sessions.iter().map(|session| deployment.table.redeem_code(&code, session, now()))).await;
        assert_eq!(all.iter().filter(|redeemed| redeemed.is_ok()).count(), 1, "{all:?}");
        assert!(all.iter().all(|redeemed| redeemed.is_ok() || *redeemed == Err(TableError::Stale)), "{all:?}");
        for (session, redeemed) in sessions.iter().zip(all) {
            assert_eq!(deployment.table.bearer(session.hash).await.unwrap().is_some(), redeemed.is_ok());
        }
    }
}

/// That a token is used costs a write once an hour, and no request more.
#[tokio::test]
async fn it_is_noted_within_the_hour_when_a_token_was_used() {
    let deployment = Deployment::new(&Store::embedded().await).await;
    let faults = Faults::default();
    let counted = deployment.through(&deployment.store.faulty(&deployment.name, &faults));
    let (ada, hash) = (deployment.user.id, deployment.secret.hash());
    let used = async || deployment.table.tokens_and_use(ada).await.unwrap()[0].1;
    let use_at = async |at| {
        assert!(counted.table.bearer_at(hash, at).await.unwrap().is_some());
        faults.count().0.iter().filter(|call| *call == "UpdateItem").count()
    };
    assert_eq!(used().await, None);
    let hour = |count: i64| Timestamp::from_second((now().as_second() / 3_600 + count) * 3_600).unwrap();
    for (at, writes, noted) in [
        (hour(1), 1, hour(1)),
        (hour(1), 0, hour(1)),
        (hour(2) - SignedDuration::from_secs(1), 0, hour(1)),
        (hour(2), 1, hour(2)),
        (hour(5) + SignedDuration::from_secs(59), 1, hour(5)),
        (hour(4), 0, hour(5)),
    ] {
        assert_eq!((use_at(at).await, used().await), (writes, Some(noted)), "{at}");
    }
    faults.always("UpdateItem", Fault::ErrorBefore);
    assert!(counted.table.bearer_at(hash, hour(9)).await.unwrap().is_some(), "a note that fails fails nothing");
    faults.heal();
    let version = async || deployment.item(&format!("T#{hash}"), "#").await.get("version").cloned();
    let before = version().await;
    counted.table.bearer_at(hash, hour(10)).await.unwrap();
    assert_eq!(version().await, before, "it is no change of the token");
    deployment.table.revoke_token(&deployment.administer(), &deployment.token, hour(11)).await.unwrap();
    faults.count();
    assert_eq!(use_at(hour(12)).await, 0, "a token that has ended");
    assert_eq!(counted.table.bearer_at(some_secret().hash(), hour(12)).await, Ok(None));
}

pub async fn nobody_suspends_oneself(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (permit, bo) = (deployment.administer(), deployment.person("Bo").await);
    let set = async |user: &User, standing: Standing| {
        deployment.table.edit_user(&permit, user.id, standing.into(), Some("why"), None, now()).await
    };
    for standing in [Standing::Suspended, Standing::Active] {
        assert_eq!(set(&deployment.user, standing).await, Err(TableError::NotForThis));
    }
    let suspended = set(&bo.user, Standing::Suspended).await.unwrap();
    assert_eq!(deployment.table.user(bo.user.id).await, Ok(Some(suspended.clone())));
    assert_eq!(set(&suspended, Standing::Suspended).await, Ok(suspended.clone()), "again changes nothing");
    let dataset = deployment.place.dataset.id;
    deployment.give(&deployment.owner(), dataset, bo.to(), Role::Full).await;
    let facts = deployment.at(dataset, &bo).await;
    assert!(facts.rights_of(Some(&suspended), Net::Anywhere, now()).is_empty(), "what is granted sleeps");
    let again = set(&suspended, Standing::Active).await.unwrap();
    assert!(facts.rights_of(Some(&again), Net::Anywhere, now()).has(Right::Read));
    assert_eq!(deployment.audited("user.edit", bo.user.id).await, 2);
    // Of two administrators who take the role from each other one is too late, whatever permit was given before.
    let role = |given: bool| AccountEdit { administrator: Some(given), ..AccountEdit::default() };
    let kim = deployment.person("Kim").await;
    let promoted = deployment.table.edit_user(&permit, kim.user.id, role(true), None, None, now()).await.unwrap();
    let kim = Person { user: promoted, ..kim };
    let theirs = kim.decide(Action::Administer, &Facts::Deployment).unwrap();
    let demote = role(false);
    deployment.table.edit_user(&permit, kim.user.id, demote, None, None, now()).await.unwrap();
    assert_eq!(deployment.table.edit_user(&theirs, deployment.user.id, demote, None, None, now()).await, Err(TableError::NotForThis));
    assert_eq!(deployment.table.user(deployment.user.id).await.unwrap().map(|user| user.administrator), Some(true));
    let stranger = User { id: some_id(UserId::new), ..bo.user };
    assert!(matches!(set(&stranger, Standing::Suspended).await, Err(TableError::Missing { .. })));
}

pub async fn no_two_have_one_name(store: Store) {
    let deployment = Deployment::new(&store).await;
    let named = |name: &str| User::new(some_id(UserId::new), name.to_owned());
    let first = named("Émile du Châtelet");
    deployment.table.insert_user(&deployment.administer(), &first, &a_code(&first), None, now()).await.unwrap();
    for name in ["Émile du Châtelet", "émile du châtelet", "ÉMILE DU CHÂTELET"] {
        let again = named(name);
        let taken = deployment.table.insert_user(&deployment.administer(), &again, &a_code(&again), None, now()).await;
        assert_eq!(taken, Err(TableError::Exists { what: "a user of this name" }), "{name}");
        assert_eq!(deployment.table.user(again.id).await, Ok(None), "{name}");
        assert_eq!(deployment.table.user_named(name).await, Ok(Some(first.clone())), "{name}");
    }
    let other = named("Emile du Chatelet");
    deployment.table.insert_user(&deployment.administer(), &other, &a_code(&other), None, now()).await.unwrap();
    assert_eq!(deployment.table.user_named("emile du chatelet").await, Ok(Some(other)));
    assert_eq!(deployment.table.user_named("E\u{301}mile du Cha\u{302}telet").await, Ok(Some(first)), "as some systems write it");
    for nobody in ["nobody", "", "a:b"] {
        assert_eq!(deployment.table.user_named(nobody).await, Ok(None), "{nobody}");
    }
}

/// Those that have ended count no more, and neither do codes.
#[tokio::test]
async fn a_person_has_a_thousand_tokens_at_the_most() {
    let deployment = Deployment::new(&Store::embedded().await).await;
    let ada = deployment.owner();
    let permit = deployment.permit(Action::MakeToken, &Facts::Deployment);
    let insert = async || {
        let token = Token { kind: TokenKind::Api, ..a_token(&ada.user, &some_secret()) };
        deployment.table.insert_token(&permit, &token, None, now()).await
    };
    let made = insert().await.unwrap();
    let pk = format!("U#{}", ada.user.id);
    let pointer = deployment.item(&pk, &format!("T#{}", made.id)).await;
    let token = deployment.item(&format!("T#{}", made.hash), "#").await;
    // The session that the deployment was founded with is one.
    let more: Vec<_> = (0..TOKENS_MAX - 3).map(|_| (some_id(TokenId::new), some_secret().hash())).collect();
    let pointers =
        more.iter().map(|(id, hash)| key(&pk, &format!("T#{id}")).into_iter().chain([("hash".to_owned(), text(hash))]).collect());
    deployment.copies(&pointer, pointers).await;
    deployment.copies(&token, more.iter().map(|(_, hash)| key(&format!("T#{hash}"), "#"))).await;
    assert_eq!(deployment.table.tokens_of(ada.user.id).await.unwrap().len(), TOKENS_MAX - 1);
    let last = insert().await.unwrap();
    let code = Token { kind: TokenKind::Code, ..a_token(&ada.user, &some_secret()) };
    deployment.table.insert_code(&deployment.administer(), &code, None, now()).await.unwrap();
    assert_eq!(insert().await.map(|_| ()), Err(TableError::TooMany { what: "tokens of one person", max: 1_000 }));
    deployment.table.revoke_token(&permit, &last, now()).await.unwrap();
    insert().await.unwrap();
    assert_eq!(insert().await.map(|_| ()), Err(TableError::TooMany { what: "tokens of one person", max: 1_000 }));
}

// U6; SECURITY P18: what a person accepted is on record once, whatever else becomes of the account meanwhile.
pub async fn terms_are_accepted_once_beside_whatever_changes_the_account(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (table, bo) = (&deployment.table, deployment.person("Bo").await);
    let terms: Vec<_> = ["One", "Two", "Three"].into_iter().map(|text| DataTerms::parse(text).unwrap()).collect();
    for (new, one) in [(true, &terms[0]), (true, &terms[1]), (false, &terms[0]), (true, &terms[2])] {
        assert_eq!(table.add_terms(&deployment.administer(), one, now()).await, Ok(new));
        assert_eq!(table.terms(one.id()).await, Ok(Some(one.clone())));
    }
    assert_eq!(table.terms(DataTerms::parse("Four").unwrap().id()).await, Ok(None));
    let permit = bo.decide(Action::Gather, &Facts::Deployment).unwrap();
    assert_eq!(table.add_terms(&permit, &terms[0], now()).await, Err(TableError::NotForThis), "no administrator's");
    let stays = table.accept_terms(&permit, terms[0].id(), None, now()).await.unwrap();
    assert_eq!((stays.accepted.iter().collect::<Vec<_>>(), stays.version), (vec![terms[0].id()], bo.user.version + 1));
    assert_eq!(table.accept_terms(&permit, terms[0].id(), None, later(1)).await, Ok(stays.clone()), "again changes nothing");
    // At the same time: both are kept, and so is what an administrator does to the account.
    let edit = AccountEdit { auditor: Some(true), ..AccountEdit::default() };
    let administer = deployment.administer();
    let (second, third, edited) = futures_util::join!(
        table.accept_terms(&permit, terms[1].id(), None, later(2)),
        table.accept_terms(&permit, terms[2].id(), None, later(2)),
        table.edit_user(&administer, bo.user.id, edit, None, None, later(2)),
    );
    let met = [second.is_ok(), third.is_ok(), edited.is_ok()];
    let there = table.user(bo.user.id).await.unwrap().unwrap();
    let kept = [there.accepted.has(terms[1].id()), there.accepted.has(terms[2].id()), there.auditor];
    assert_eq!(met, kept, "what was answered is so");
    assert!(there.accepted.has(terms[0].id()));
    assert_eq!(deployment.audited("terms.accept", terms[0].id()).await, 1);
}
