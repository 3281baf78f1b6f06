//! Rules of people and tokens.

use domain::{
    id::UserId,
    token::TokenSecret,
    user::{Standing, User},
};
use table::TableError;

use crate::{
    example::{Deployment, a_token, later, now, some_id},
    stores::Store,
};

pub async fn a_token_opens_until_it_is_revoked(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (user, token) = deployment.table.bearer(deployment.secret.hash()).await.unwrap().unwrap();
    assert_eq!((&user, &token), (&deployment.user, &deployment.token));
    assert_eq!(deployment.table.bearer(TokenSecret::new([250; 20]).hash()).await, Ok(None));
    let second = a_token(&deployment.user, &TokenSecret::new([251; 20]));
    deployment.table.insert_token(&deployment.administer(), &second, now()).await.unwrap();
    let again_there = deployment.table.insert_token(&deployment.administer(), &second, now()).await;
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
    let user = |name: &str| User { id: some_id(UserId::new), name: name.to_owned(), administrator: true, standing: Standing::Active };
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
    let other = User { id: some_id(UserId::new), name: "Bo".to_owned(), administrator: false, standing: Standing::Suspended };
    deployment.table.insert_user(&deployment.administer(), &other, now()).await.unwrap();
    assert_eq!(deployment.table.user(other.id).await, Ok(Some(other.clone())));
    let again_there = deployment.table.insert_user(&deployment.administer(), &other, now()).await;
    assert_eq!(again_there, Err(TableError::Exists { what: "the user" }));
    let token = a_token(&other, &TokenSecret::new([3; 20]));
    let refused = deployment.table.insert_token(&deployment.administer(), &token, now()).await;
    assert_eq!(refused, Err(TableError::NotForThis), "it would act with that person's rights");
    assert_eq!(deployment.table.bearer(token.hash).await, Ok(None));
}
