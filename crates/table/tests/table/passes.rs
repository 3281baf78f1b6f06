//! Rules of passwords and passes.

use domain::{
    decision::Action,
    key::KeyHash,
    link::{Edit, Link},
    pass::{Guard, Pass},
    rate::Rate,
};
use futures_util::future::join_all;
use table::{
    TableError,
    access::{FactsCache, TicketFacts},
    links::Kept,
    passes::{Admitted, Password},
};

use crate::{
    example::{Deployment, ask, later, now, unique},
    stores::Store,
};

fn password(byte: u8) -> Password {
    Password { salt: [byte; 16], hash: [byte; 32], memory_kib: 64, passes: 1, lanes: 1 }
}

fn a_pass(link: &Link) -> Pass {
    let guard = link.options.guard().or(Some(Guard(0)));
    Pass { hash: KeyHash::of(&format!("pass {}", unique())), link: link.hash, guard, terms: [None, None], until: later(900) }
}

async fn guarded(deployment: &Deployment, kept: Option<&Password>, sessions_max: Option<u32>) -> Link {
    let mut wanted = ask("guarded");
    wanted.options.password = kept.map(|_| 1);
    wanted.options.sessions_max = sessions_max;
    let (link, _) = deployment.new_link(wanted, now());
    let made = deployment
        .table
        .insert_kept(&deployment.share(), &link, Kept { password: kept, key: None }, &deployment.seen(), None)
        .await
        .unwrap();
    assert!(!made.existing);
    made.link
}

async fn edit(deployment: &Deployment, link: &Link, edit: Edit, kept: Option<&Password>) -> Result<Link, TableError> {
    let facts = deployment.facts(link).await;
    let permit = deployment.on(Action::Share, &facts);
    let after = facts.link.edited(&facts.place, edit, now()).unwrap();
    deployment.table.edit_guarded(&permit, &facts, &after, kept, None, now()).await
}

// L11
pub async fn a_links_password_is_the_one_that_it_names(store: Store) {
    let deployment = Deployment::new(&store).await;
    let table = &deployment.table;
    let link = guarded(&deployment, Some(&password(1)), None).await;
    assert_eq!(table.password_of(&link).await, Ok(Some(password(1))));
    let twin = guarded(&deployment, Some(&password(1)), None).await;
    assert_ne!(twin.id, link.id, "one with a password is always another link");
    let (open, _) = deployment.new_link(ask("guarded"), now());
    let open = table.insert_link(&deployment.share(), &open, &deployment.seen(), None).await.unwrap();
    assert!(!open.existing, "and one without is never met by it");

    let changed = edit(&deployment, &link, Edit { password: Some(true), ..Edit::default() }, Some(&password(2))).await.unwrap();
    assert_eq!(changed.options.password, Some(2));
    assert_eq!(table.password_of(&changed).await, Ok(Some(password(2))));
    assert_eq!(table.password_of(&link).await, Ok(None), "as it was named before, there is none any more");
    let label = edit(&deployment, &link, Edit { label: Some("x".to_owned()), ..Edit::default() }, None).await.unwrap();
    assert_eq!((label.version, table.password_of(&label).await), (3, Ok(Some(password(2)))));
    let off = edit(&deployment, &link, Edit { password: Some(false), ..Edit::default() }, None).await.unwrap();
    assert_eq!((off.options.guard(), table.password_of(&off).await), (None, Ok(None)));
    assert_eq!(table.password_of(&label).await, Ok(None), "nothing of it is kept");
    let again = edit(&deployment, &link, Edit { password: Some(true), ..Edit::default() }, Some(&password(3))).await.unwrap();
    assert_eq!(table.password_of(&again).await, Ok(Some(password(3))));

    for (password_edit, kept) in [(Some(true), None), (None, Some(password(4))), (Some(false), Some(password(4)))] {
        let wrong = edit(&deployment, &link, Edit { password: password_edit, ..Edit::default() }, kept.as_ref()).await;
        assert_eq!(wrong, Err(TableError::NotForThis), "{password_edit:?} {kept:?}");
    }
    assert_eq!(format!("{:?}", password(1)), "Password(***)");
}

pub async fn a_pass_opens_its_link_until_the_password_changes(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (table, cache) = (&deployment.table, FactsCache::new());
    let link = guarded(&deployment, Some(&password(1)), None).await;
    let pass = a_pass(&link);
    assert_eq!(table.admit(&link, &pass).await, Ok(Admitted::Yes));
    let opens = async |at: i64| match cache.ticket(table, pass.hash, later(at), None).await.unwrap().facts {
        TicketFacts::Pass(found, Some(facts)) => {
            assert_eq!(found, pass);
            found.opens(&facts.link, later(at))
        }
        other => panic!("{other:?}"),
    };
    assert!(opens(0).await);
    assert!(!opens(900).await, "that instant is out");
    edit(&deployment, &link, Edit { password: Some(true), ..Edit::default() }, Some(&password(1))).await.unwrap();
    assert!(!opens(10).await, "the same password anew is another");
    // Neither is taken for the other.
    assert!(cache.named(table, link.dataset, Some(pass.hash), later(20), None).await.is_err(), "a pass is no token: never a yes");
    for wrong in [Pass { guard: Some(Guard(9)), ..pass }, Pass { link: KeyHash::of("other"), ..pass }] {
        assert_eq!(table.admit(&link, &wrong).await, Err(TableError::NotForThis));
    }
}

// ACCESS 3: exact
pub async fn however_many_ask_at_once_no_more_passes_are_given_than_the_link_gives(store: Store) {
    let deployment = Deployment::new(&store).await;
    let table = &deployment.table;
    let link = guarded(&deployment, None, Some(3)).await;
    let asked = join_all((0..12).map(|_| async { table.admit(&link, &a_pass(&link)).await })).await;
    let given = asked.iter().filter(|one| **one == Ok(Admitted::Yes)).count();
    assert_eq!(given, 3, "{asked:?}");
    assert_eq!(table.admit(&link, &a_pass(&link)).await, Ok(Admitted::NoneLeft));
    let more = edit(&deployment, &link, Edit { sessions_max: Some(Some(4)), ..Edit::default() }, None).await.unwrap();
    assert_eq!(table.admit(&link, &a_pass(&link)).await, Ok(Admitted::Stale), "as it was read before, it is not any more");
    assert_eq!(table.admit(&more, &a_pass(&more)).await, Ok(Admitted::Yes));
    assert_eq!(table.admit(&more, &a_pass(&more)).await, Ok(Admitted::NoneLeft));
    let endless =
        edit(&deployment, &more, Edit { sessions_max: Some(None), password: Some(true), ..Edit::default() }, Some(&password(1))).await;
    let endless = endless.unwrap();
    for _ in 0..5 {
        assert_eq!(table.admit(&endless, &a_pass(&endless)).await, Ok(Admitted::Yes));
    }
}

// SECURITY T34
pub async fn however_many_try_at_once_no_more_are_taken_than_may_be(store: Store) {
    let deployment = Deployment::new(&store).await;
    let table = &deployment.table;
    let (who, rate) = (KeyHash::of("who"), Rate::new(30_000, 10));
    let tried = join_all((0..30).map(|_| table.take_try(who, rate, now()))).await;
    let taken = tried.iter().filter(|one| matches!(one, Ok(Ok(())))).count();
    assert!((1..=10).contains(&taken), "{tried:?}");
    for _ in taken..10 {
        assert_eq!(table.take_try(who, rate, now()).await, Ok(Ok(())));
    }
    assert_eq!(table.take_try(who, rate, now()).await.unwrap().unwrap_err().secs(), 30);
    assert_eq!(table.take_try(KeyHash::of("another"), rate, now()).await, Ok(Ok(())));
    assert_eq!(table.take_try(who, rate, later(30)).await, Ok(Ok(())));
    assert!(table.take_try(who, rate, later(30)).await.unwrap().is_err());
}

// D10
pub async fn a_budget_that_was_spent_is_noted_beside_the_version_and_only_later(store: Store) {
    let deployment = Deployment::new(&store).await;
    let table = &deployment.table;
    let link = guarded(&deployment, None, None).await;
    for (until, want) in [(60, 60), (30, 60), (90, 90)] {
        table.note_over_budget(link.hash, 1, later(until)).await.unwrap();
        let there = deployment.facts(&link).await.link;
        assert_eq!((there.over_until, there.version), (Some(later(want)), 1));
    }
    let edited = edit(&deployment, &link, Edit { label: Some("x".to_owned()), ..Edit::default() }, None).await.unwrap();
    assert_eq!((edited.over_until, edited.version), (Some(later(90)), 2), "an edit leaves it");
    table.note_over_budget(link.hash, 1, later(120)).await.unwrap();
    assert_eq!(deployment.facts(&link).await.link.over_until, Some(later(90)), "what was counted against what the link was is not noted");
    let most = |most| Edit { bytes_per_day: Some(most), ..Edit::default() };
    let lowered = edit(&deployment, &link, most(Some(10)), None).await.unwrap();
    assert_eq!(lowered.over_until, Some(later(90)));
    let raised = edit(&deployment, &link, most(Some(11)), None).await.unwrap();
    assert_eq!((raised.over_until, deployment.facts(&link).await.link.over_until), (None, None), "a wider budget opens it again");
    let (never_made, _) = deployment.new_link(ask("never made"), now());
    assert_eq!(table.note_over_budget(never_made.hash, 1, later(60)).await, Err(TableError::Missing { what: "the link" }));
    assert_eq!(table.link_facts(never_made.hash, now()).await, Ok(None), "and makes none");
}
