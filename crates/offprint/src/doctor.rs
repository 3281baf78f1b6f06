//! `offprint doctor`: whether a source works, and what to paste into its bucket if it does not.

use clap::Args;
use wire::source::{Doctor, Finding};

use crate::{
    api::Remote,
    exit::{Exit, Failure},
    output::{Column, Format, column, data, printable},
};

/// What a finding shows in a spreadsheet.
const FINDING: [Column; 4] = [column("check", "/check"), column("ok", "/ok"), column("detail", "/detail"), column("hint", "/hint")];

/// Look at a source as readers will, and say what to fix.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  offprint doctor lab

Where something failed it ends with 1, and prints the CORS configuration and the policy to paste into the bucket; --print does so anyway.")]
pub(crate) struct DoctorCommand {
    /// The source: its name or its id.
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Print what to paste into the bucket, whatever was found.
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Runs the doctor.
///
/// # Errors
/// What went wrong, with its exit code; [`Exit::Failed`] when a finding is bad.
pub(crate) async fn run(command: DoctorCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    let source = printable(&command.source);
    let seen: Doctor = api.act(&["sources", &command.source, "doctor"], &serde_json::json!({})).await?.body;
    match out.format {
        Format::Table if out.is_for_reading() => data(&report(&seen, command.print || !seen.healthy))?,
        Format::Table | Format::Csv => out.list(&FINDING, &seen.findings)?,
        Format::Json | Format::Jsonl => out.one(&FINDING, &seen)?,
    }
    let failed = seen.findings.iter().filter(|finding| !finding.ok).count();
    if seen.healthy && failed == 0 {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, format!("{failed} of {} checks of {source} failed", seen.findings.len()))
        .hint("each FAIL names its fix"))
}

fn report(seen: &Doctor, paste: bool) -> String {
    let width = seen.findings.iter().map(|finding| finding.check.chars().count()).max().unwrap_or(0);
    let mut text: String = seen.findings.iter().map(|finding| line(finding, width)).collect();
    if paste {
        for (what, document) in [("CORS configuration", &seen.bucket_cors), ("Policy", &seen.bucket_policy)] {
            text.extend(["\n", what, " of the bucket:\n", &format!("{document:#}"), "\n"]);
        }
    }
    text
}

fn line(finding: &Finding, width: usize) -> String {
    let word = if finding.ok { "OK  " } else { "FAIL" };
    let fix = finding.hint.as_deref().filter(|_| !finding.ok).map_or_else(String::new, |hint| format!("      fix: {}\n", printable(hint)));
    format!("{word}  {:width$}  {}\n{fix}", printable(&finding.check), printable(&finding.detail))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_says_what_to_do_and_what_to_paste() {
        let finding = |check: &str, ok, hint: Option<&str>| Finding {
            check: check.to_owned(),
            ok,
            detail: "seen".to_owned(),
            hint: hint.map(str::to_owned),
        };
        let seen = Doctor {
            source: "s".to_owned(),
            healthy: false,
            findings: vec![finding("inside", true, Some("unneeded")), finding("missing-key", false, Some("grant s3:ListBucket"))],
            bucket_cors: json!({ "CORSRules": [] }),
            bucket_policy: json!({ "Version": "2012-10-17" }),
        };
        let findings = "OK    inside       seen\nFAIL  missing-key  seen\n      fix: grant s3:ListBucket\n";
        assert_eq!(report(&seen, false), findings);
        let pasted = report(&seen, true);
        assert!(pasted.starts_with(findings) && pasted.contains("\"CORSRules\": []") && pasted.contains("2012-10-17"), "{pasted}");
    }
}
