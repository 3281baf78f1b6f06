//! `POST /api/v1/sources`: a bucket and a prefix that may be shared from, and its root dataset, which its registrar owns.

use axum::response::Response;
use domain::{
    dataset::Dataset,
    decision::{Action, Facts},
    grant::Zones,
    id::{DatasetId, SourceId, TermsId},
    path::ObjectPath,
    policy::DeploymentPolicy,
    source::{Audience, Ceilings, Role, Source, SourceError, SourceName, State as Standing, Store},
};
use edge::{App, asked::with_version, caller::Caller, json, json::Body, once::Once, problem::Problem, zones::read_zones};
use http::StatusCode;
use jiff::Timestamp;
use table::TableError;

use crate::{
    endpoint,
    source_show::{audience, shown},
    terms,
};

/// Registers a source. The same name, place and prefix meet the source that is there.
///
/// # Errors
/// 403 for anybody but an administrator; 409 for a name that is taken or keys that lie in another source; 422 for what cannot be signed for.
#[utoipa::path(post, path = "/api/v1/sources", tag = "sources", operation_id = "register_source", security(("token" = ["admin"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::source::NewSource,
    responses((status = 201, description = "A new source", body = wire::source::Source), (status = 200, description = "The source that is there", body = wire::source::Source),
        (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn register(
    app: App,
    caller: Caller,
    once: Once,
    Body { ask, bytes }: Body<wire::source::NewSource>,
) -> Result<Response, Problem> {
    let now = app.now();
    let permit = caller.may(Action::Administer, &Facts::Deployment, now)?;
    let once = once.of("POST /api/v1/sources", &bytes);
    if let Some(source) = replayed(&app, &caller, once.as_ref(), now).await? {
        return Ok(with_version(json::created(&shown(&source)), source.version));
    }
    let mut source = read(&app, ask, now)?;
    terms::exist(&app, &source.ceilings, None).await?;
    keep_external_id(&app, &mut source).await?;
    if let (Some(origin), false) = (&source.store.endpoint, app.config.private_endpoints) {
        endpoint::check(origin).await?;
    }
    let root = Dataset::root(source.root, source.id, caller.user.id, now);
    let registered = app.table.register_source(&permit, &source, &root, once.as_ref(), now).await?;
    let source = shown(&registered.source);
    let answer = if registered.existing { json::ok(&source) } else { json::created(&source) };
    Ok(with_version(answer, source.version))
}

/// What the first request under this key registered: its answer again, though its body may be refused by now.
async fn replayed(app: &App, caller: &Caller, once: Option<&table::once::Once>, now: Timestamp) -> Result<Option<Source>, Problem> {
    let Some(once) = once else { return Ok(None) };
    let Some(id) = app.table.once(caller.user.id, once, now).await? else { return Ok(None) };
    let id = SourceId::parse(&id).map_err(|_other| Problem::from(TableError::Mismatch))?;
    app.table.source(id).await?.map_or_else(|| Err(Problem::not_found()), |source| Ok(Some(source)))
}

/// The same source asked for again keeps the `ExternalId` that it got.
async fn keep_external_id(app: &App, source: &mut Source) -> Result<(), Problem> {
    let Some(role) = &mut source.store.role else { return Ok(()) };
    let there = app.table.source_named(&source.name).await?.and_then(|there| there.store.role).filter(|there| there.arn == role.arn);
    if let Some(there) = there {
        *role = there;
    }
    Ok(())
}

/// What is asked, in the domain's terms; a refusal names its field.
fn read(app: &App, ask: wire::source::NewSource, now: Timestamp) -> Result<Source, Problem> {
    let name = SourceName::parse(&ask.name).map_err(|why| wrong("source-name", "/name", why.to_string(), "such as `lab-raw`"))?;
    let prefix = ObjectPath::from_decoded(ask.prefix.unwrap_or_default())
        .map_err(|why| Problem::from(why).at("/prefix").hint("a folder in the bucket, in plain text, without a leading `/`"))?;
    let role = ask.role.map(|arn| read_role(app, arn)).transpose()?;
    let path_style = ask.path_style.unwrap_or(ask.endpoint.is_some());
    let requester_pays = ask.requester_pays.unwrap_or_default();
    let store = Store { bucket: ask.bucket, region: read_region(ask.region)?, endpoint: ask.endpoint, path_style, role, requester_pays };
    store.check()?;
    let ceilings = ask.ceilings.map_or(
        Ok(Ceilings { audience: Audience::Link, link_days_max: None, zones: Zones::default(), hard_zones: false, terms: None }),
        |asked| read_ceilings(&asked),
    )?;
    // The policy that there is by then is written with it.
    let (id, root) = (SourceId::new(app.new_uuid(now)?), DatasetId::new(app.new_uuid(now)?));
    Ok(Source {
        id,
        name,
        store,
        prefix: prefix.to_folder(),
        ceilings,
        policy: DeploymentPolicy::NONE,
        writable: ask.writable.unwrap_or_default(),
        serving: true,
        state: Standing::Active,
        root,
        version: 1,
    })
}

fn wrong(code: &'static str, pointer: &'static str, detail: impl Into<String>, hint: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).at(pointer).hint(hint)
}

/// A region stands in what is signed and in host names.
fn read_region(region: String) -> Result<String, Problem> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=32).contains(&region.len()) && region.bytes().all(legal) {
        return Ok(region);
    }
    Err(wrong(
        "region",
        "/region",
        "a region has 1 to 32 of `a-z`, `0-9` and `-`",
        "such as `eu-central-1`; stores beside AWS often want `us-east-1`",
    ))
}

/// A role, with an `ExternalId` that nobody else can name: no other deployment's source can be made to read through it (SECURITY T14).
fn read_role(app: &App, arn: String) -> Result<Role, Problem> {
    if !is_role_arn(&arn) {
        return Err(wrong("role", "/role", "the role is no ARN of an IAM role", "such as `arn:aws:iam::123456789012:role/offprint-reads`"));
    }
    let bits: [u8; 16] = app.random()?;
    Ok(Role { arn, external_id: Some(format!("offprint-{:032x}", u128::from_be_bytes(bits))) })
}

fn is_role_arn(arn: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&byte);
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [prefix, partition, service, region, account, resource] = parts.as_slice() else { return false };
    let name = resource.strip_prefix("role/").unwrap_or_default();
    (*prefix, *service, *region) == ("arn", "iam", "")
        && matches!(*partition, "aws" | "aws-cn" | "aws-us-gov")
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=576).contains(&name.len())
        && name.bytes().all(legal)
}

/// Reads ceilings.
///
/// # Errors
/// 422 `audience`, `link-days-max`, `zones`, `terms`.
pub(crate) fn read_ceilings(ask: &wire::source::Ceilings) -> Result<Ceilings, Problem> {
    let audience = audience(&ask.audience)
        .ok_or_else(|| wrong("audience", "/ceilings/audience", "there is no such audience", "`named`, `accounts`, `link` or `world`"))?;
    if ask.link_days_max == Some(0) {
        return Err(SourceError::NoLife.into());
    }
    let zones = read_zones(&ask.zones, "/ceilings/zones")?;
    let terms = ask.terms.as_deref().map(TermsId::parse).transpose().map_err(|_not_one| edge::terms::unknown("/ceilings/terms"))?;
    Ok(Ceilings { audience, link_days_max: ask.link_days_max, zones, hard_zones: ask.hard_zones, terms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_an_arn_of_an_iam_role() {
        for (arn, fits) in [
            ("arn:aws:iam::123456789012:role/reads", true),
            ("arn:aws-us-gov:iam::123456789012:role/team/reads", true),
            ("arn:aws:iam::123456789012:user/reads", false),
            ("arn:aws:iam::12345678901:role/reads", false),
            ("arn:aws:sts::123456789012:role/reads", false),
            ("arn:aws:iam::123456789012:role/", false),
            ("arn:aws:iam::123456789012:role/a b", false),
            ("arn:evil:iam::123456789012:role/reads", false),
            ("", false),
        ] {
            assert_eq!(is_role_arn(arn), fits, "{arn}");
        }
    }
}
