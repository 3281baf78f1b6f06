//! `offprint`: everything on one machine, and the command line.

fn main() -> std::process::ExitCode {
    offprint::command::main()
}
