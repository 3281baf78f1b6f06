//! The command line as a whole: nouns, then verbs.

use std::{io::IsTerminal, process::ExitCode};

use clap::{
    Args, CommandFactory, Parser, Subcommand,
    builder::{Styles, styling::AnsiColor},
};
use clap_complete::Shell;

use crate::{
    admin::{self, AdminCommand},
    audit::{self, Audit},
    check::{self, Check},
    clone::{self, CloneCommand},
    connection::{self, ConnectionCommand},
    copy::{self, CopyCommand},
    curation::{self, CurationCommand},
    dataset::{self, DatasetCommand},
    doctor::{self, DoctorCommand},
    exit::{Exit, Failure},
    grant::{self, GrantCommand},
    group::{self, GroupCommand},
    invitation::{self, InvitationCommand},
    link::{self, LinkCommand},
    link_set::{self, LinkSetCommand},
    notices::{self, NoticesCommand},
    offer::{self, OfferCommand},
    opening::{self, OpeningCommand},
    output::{data, say},
    policy::{self, PolicyCommand},
    project::{self, ProjectCommand},
    session::{self, SignIn, SignOut},
    source::{self, SourceCommand},
    terms::{self, TermsCommand},
    ticket::{self, TicketCommand},
    token::{self, TokenCommand, WhoAmI},
    up::{self, Up},
    user::{self, UserCommand},
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Cyan.on_default().bold())
    .usage(AnsiColor::Cyan.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Yellow.on_default());

/// Share scientific data in place, by link.
#[derive(Debug, Parser)]
#[command(
    name = "offprint",
    version,
    styles = STYLES,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  offprint up --data lab=/data/microscopy
  offprint link create lab:retina/exp-03.ome.zarr --until 30d
  offprint grant give lab:retina/exp-03.ome.zarr --to user:ada --role view

Data go to stdout, everything else to stderr. A token is read from OFFPRINT_TOKEN, from the state folder, or from the session that `offprint sign-in` keeps. \
Exit codes: 0 done, 1 failed, 2 usage, 3 not found or gone, 4 sign-in needed, 5 not allowed, 6 conflict or stale version, \
7 limit reached, 8 some of a batch failed, 9 service unavailable, 130 interrupted."
)]
pub struct Cli {
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, Subcommand)]
enum Noun {
    #[command(about = "Start Offprint on this machine: everything in one process")]
    Up(Box<Up>),
    Link(LinkCommand),
    Source(SourceCommand),
    Policy(PolicyCommand),
    Terms(TermsCommand),
    Dataset(DatasetCommand),
    Copy(CopyCommand),
    Grant(GrantCommand),
    Offer(OfferCommand),
    Opening(OpeningCommand),
    Curation(CurationCommand),
    Clone(CloneCommand),
    Group(GroupCommand),
    Project(ProjectCommand),
    LinkSet(LinkSetCommand),
    Connection(ConnectionCommand),
    Invitation(InvitationCommand),
    Notices(NoticesCommand),
    Check(Check),
    Ticket(TicketCommand),
    User(UserCommand),
    Token(TokenCommand),
    #[command(visible_alias = "login")]
    SignIn(SignIn),
    #[command(visible_alias = "logout")]
    SignOut(SignOut),
    #[command(name = "whoami")]
    WhoAmI(WhoAmI),
    Audit(Audit),
    Doctor(DoctorCommand),
    Admin(AdminCommand),
    Completions(Completions),
}

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint completions bash > ~/.local/share/bash-completion/completions/offprint")]
struct Completions {
    /// The shell: bash, elvish, fish, powershell or zsh.
    #[arg(value_enum, hide_possible_values = true)]
    shell: Shell,
}

/// The whole program: reads the command, runs it, says what went wrong, and ends with its code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(why) => {
            // `--help` comes this way too, on stdout and with 0. A reader that has gone is told nothing.
            drop(why.print());
            return ExitCode::from(if why.use_stderr() { Exit::Usage } else { Exit::Done }.code());
        }
    };
    let exit = match run(cli) {
        Ok(()) => Exit::Done,
        Err(failure) => {
            if !failure.is_silent() {
                say(&format!("error: {failure}"));
            }
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

fn run(cli: Cli) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().map_err(anyhow::Error::from)?;
    let done = runtime.block_on(async {
        match cli.noun {
            // It stops by itself, and cleanly.
            Noun::Up(ask) => Box::pin(up::run(*ask)).await.map_err(Failure::from),
            noun => tokio::select! {
                done = Box::pin(call(noun)) => done,
                _ = tokio::signal::ctrl_c() => {
                    if std::io::stderr().is_terminal() {
                        // Below the `^C` that the terminal shows.
                        say("");
                    }
                    Err(Failure::new(Exit::Interrupted, "interrupted"))
                }
            },
        }
    });
    // A question may still wait for its answer on a thread of its own.
    runtime.shutdown_background();
    done
}

async fn call(noun: Noun) -> Result<(), Failure> {
    match noun {
        Noun::Up(ask) => up::run(*ask).await.map_err(Failure::from),
        Noun::Link(command) => link::run(command).await,
        Noun::Source(command) => source::run(command).await,
        Noun::Policy(command) => policy::run(command).await,
        Noun::Terms(command) => terms::run(command).await,
        Noun::Dataset(command) => dataset::run(command).await,
        Noun::Copy(command) => copy::run(command).await,
        Noun::Grant(command) => grant::run(command).await,
        Noun::Offer(command) => offer::run(command).await,
        Noun::Opening(command) => opening::run(command).await,
        Noun::Curation(command) => curation::run(command).await,
        Noun::Clone(command) => clone::run(command).await,
        Noun::Connection(command) => connection::run(command).await,
        Noun::Invitation(command) => invitation::run(command).await,
        Noun::Notices(command) => notices::run(command).await,
        Noun::Group(command) => group::run(command).await,
        Noun::Project(command) => project::run(command).await,
        Noun::LinkSet(command) => link_set::run(command).await,
        Noun::Check(command) => check::run(command).await,
        Noun::Ticket(command) => ticket::run(command).await,
        Noun::User(command) => user::run(command).await,
        Noun::Token(command) => token::run(command).await,
        Noun::SignIn(command) => session::sign_in(command).await,
        Noun::SignOut(command) => session::sign_out(command).await,
        Noun::Audit(command) => audit::run(command).await,
        Noun::WhoAmI(command) => token::who_am_i(command).await,
        Noun::Doctor(command) => doctor::run(command).await,
        Noun::Admin(command) => admin::run(command).await,
        Noun::Completions(Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "offprint", &mut script);
            data(&String::from_utf8_lossy(&script))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// What `--help` says of every command, at 100 columns.
    #[test]
    fn help_of_every_command() {
        /// Without what the environment of this test happens to hold.
        fn plain(command: clap::Command) -> clap::Command {
            command.mut_args(|argument| argument.hide_env_values(true)).mut_subcommands(plain)
        }
        fn collect(command: &clap::Command, words: &[&str], text: &mut String) {
            let asked = std::iter::once(&"offprint").chain(words).chain(&["--help"]);
            let help = plain(Cli::command()).term_width(100).try_get_matches_from(asked).unwrap_err();
            text.extend(["==== offprint ", &words.join(" "), "\n", &help.to_string(), "\n"]);
            for verb in command.get_subcommands() {
                collect(verb, &[words, &[verb.get_name()]].concat(), text);
            }
        }
        let mut text = String::new();
        collect(&Cli::command(), &[], &mut text);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn every_command_has_an_example() {
        fn look(command: &clap::Command) {
            let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(example.contains("offprint "), "{} has no example", command.get_name());
            command.get_subcommands().for_each(look);
        }
        look(&Cli::command());
    }

    #[test]
    fn no_secret_is_an_argument() {
        fn look(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                // A file that holds one is none, and neither is its going.
                let is_none = name.ends_with("_file") || name.starts_with("no_");
                assert!(is_none || (!name.contains("secret") && !name.contains("password")), "{} takes --{name}", command.get_name());
            }
            command.get_subcommands().for_each(look);
        }
        look(&Cli::command());
        assert!(Cli::try_parse_from(["offprint", "link", "list", "--token", "x"]).is_err());
    }

    #[test]
    fn what_must_be_said_together_is_asked_for() {
        for (words, fits) in [
            ("link create lab:a", true),
            ("link create", false),
            ("link create --batch - lab:a", false),
            ("link create --batch -", true),
            ("link create lab:a --class secret", false),
            ("link edit l --until 3d", true),
            ("link edit l", false),
            ("link edit l --strict --no-strict", false),
            ("link revoke l", true),
            ("link revoke", false),
            ("link revoke --all-of lab:a --reason x", true),
            ("link revoke --all-of lab:a", false),
            ("link revoke l --all-of lab:a --reason x", false),
            ("source edit lab", false),
            ("source edit lab --link-days-max none", true),
            ("source edit lab --link-days-max soon", false),
            ("admin panic", false),
            ("admin panic --resume", true),
            ("admin panic --reason x -y", true),
            ("link list --json --server https://app.example.org", true),
            ("link --json list", true),
            ("link list --only live --state /var/lib/offprint", true),
            ("link list --only alive", false),
            ("link list --limit 0", false),
            ("link list --server app.example.org", false),
            ("grant give lab:a --to user:ada --role view", true),
            ("grant give lab:a --to group:core --role manager --may-share --until 30d --zones 192.0.2.0/24,2001:db8::/32", true),
            ("grant give lab:a --to user:ada --role preview --level 2", true),
            ("grant give lab:a --to user:ada --role preview --level fine", false),
            ("grant give lab:a --to world --role owner", false),
            ("grant give lab:a --to ada --role view", false),
            ("grant give lab:a --role view", false),
            ("grant give lab:a --to user:ada", false),
            ("grant give nowhere --to user:ada --role view", false),
            ("grant withdraw lab:a --to user:ada --reason x --wait -y", true),
            ("grant withdraw lab:a", false),
            ("dataset edit lab:a", false),
            ("dataset edit lab:a --visibility world", true),
            ("dataset edit lab:a --visibility private --end-links --reason x -y --wait", true),
            ("dataset edit lab:a --visibility private --end-links", false),
            ("dataset edit lab:a --strict true --end-links --reason x", false),
            ("dataset edit lab:a --visibility world --dry-run", true),
            ("dataset edit lab:a --visibility world --dry-run -y", false),
            ("dataset edit lab:a --visibility everybody", false),
            ("dataset edit lab:a --restricted yes", false),
            ("dataset edit lab:a --restricted true --visibility world", false),
            ("dataset levels lab:a", true),
            ("dataset copy lab:a mine:b --wait", true),
            ("dataset copy lab:a mine:b --dry-run", true),
            ("dataset copy lab:a mine:b --dry-run --wait", false),
            ("dataset copy lab:a", false),
            ("copy list --limit 3", true),
            ("copy show y --wait", true),
            ("copy cancel", false),
            ("source edit lab --writable true", true),
            ("dataset levels", false),
            ("dataset hand-over lab:a", false),
            ("dataset retire lab:a --dry-run", true),
            ("dataset retire lab:a --dry-run -y", false),
            ("dataset retire lab:a --reason x -y --wait", true),
            ("offer make lab:a", false),
            ("offer make lab:a --to ada --reason x", true),
            ("offer list", true),
            ("offer list lab:a --limit 3", true),
            ("offer accept", false),
            ("offer accept d -y --wait", true),
            ("offer decline d", true),
            ("offer withdraw lab:a", true),
            ("dataset hand-over lab:a --to ada -y", true),
            ("group add core", false),
            ("group add core ada grace", true),
            ("group remove core ada --wait", true),
            ("project create retina --view download --clone files", true),
            ("link-set create lab:a lab:b --label x", true),
            ("link-set create --label x", false),
            ("link-set list", true),
            ("link-set show jaaaaaaaaaaaaaaaaaaaaaaaaaa", true),
            ("link-set add j lab:a", true),
            ("link-set add j", false),
            ("link-set remove j lab:a", true),
            ("link-set retire j", true),
            ("grant give lab:a --to user:ada --role full --dry-run", true),
            ("grant give lab:a --to user:ada --role full --dry-run -y", false),
            ("project create retina --view owner", false),
            ("project edit retina", false),
            ("project edit retina --figures true --dry-run", true),
            ("project add retina", false),
            ("project add retina ada grace --role leader --dry-run", true),
            ("project add retina ada --role boss", false),
            ("project remove retina ada -y --wait", true),
            ("project leave retina -y", true),
            ("project put retina lab:a", true),
            ("project put retina", false),
            ("project take retina lab:a --dry-run", true),
            ("connection list --only pending --asked of-me --limit 3", true),
            ("connection list --only gone", false),
            ("connection ask", false),
            ("connection ask ada", true),
            ("connection accept ada", true),
            ("connection reject ada", true),
            ("connection cancel ada", true),
            ("connection remove ada", true),
            ("connection show ada", true),
            ("user add ada --administrator", true),
            ("user block ada", false),
            ("user block ada --source lab", true),
            ("check lab:a", true),
            ("check lab:a --action fly", false),
            ("check lab:a --user ada --action hand-over --path 0/ --address 192.0.2.7", true),
            ("check lab:a --address here", false),
            ("ticket create lab:a --minutes 720", true),
            ("ticket create lab:a --minutes 721", false),
            ("ticket create lab:a --minutes 0", false),
            ("token create x --scope data --dataset lab:a", true),
            ("token create x --scope data --dataset lab", false),
            ("sign-in", true),
            ("login offprint_code_x", true),
            ("logout", true),
            ("audit --month 2026-11 --actor ada --target lab:a --verb link --csv", true),
            ("audit --month November", false),
            ("audit --csv --json", false),
        ] {
            let read = Cli::try_parse_from(std::iter::once("offprint").chain(words.split(' ')));
            assert_eq!(read.is_ok(), fits, "{words}");
        }
    }
}
