//! A shell: who it belongs to, where it stands, what it remembers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::account::Account;
use super::super::language::List;
use crate::logic::files::Owner;

/// Most variables, aliases and functions of a shell, each.
const MAX_NAMES: usize = 512;
/// Longest value of a variable, in bytes.
const MAX_VALUE: usize = 64 * 1024;
/// Most bytes of all variables.
const MAX_VALUES: usize = 128 * 1024;
/// Most lines of history.
const MAX_HISTORY: usize = 500;
/// Most bytes of all lines of history.
const MAX_HISTORY_BYTES: usize = 128 * 1024;

/// The state of a shell.
#[derive(Clone, Debug)]
pub(in crate::logic::shell) struct Shell {
    pub(in crate::logic::shell) account: Account,
    pub(in crate::logic::shell) cwd: String,
    pub(in crate::logic::shell) manner: Manner,
    /// What it calls itself: `-bash`, `bash`, `sh`.
    pub(in crate::logic::shell) name: String,
    pub(in crate::logic::shell) status: u8,
    /// The line of its script that it is at, from 1.
    pub(in crate::logic::shell) line: usize,
    /// `$1` and so on.
    pub(in crate::logic::shell) arguments: Vec<String>,
    pub(in crate::logic::shell) aliases: BTreeMap<String, String>,
    pub(in crate::logic::shell) functions: BTreeMap<String, Arc<List>>,
    pub(in crate::logic::shell) history: Vec<String>,
    pub(in crate::logic::shell) jobs: u32,
    variables: BTreeMap<String, Variable>,
    /// What the variables were that each running function has made its own.
    locals: Vec<Vec<Local>>,
    /// Whether `set -e` is on.
    pub(in crate::logic::shell) strict: bool,
}

/// Who gives a shell its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::logic::shell) enum Manner {
    /// A person, after the greeting.
    Login,
    /// A person.
    Interactive,
    /// A script, or the other side of a connection.
    Script,
}

/// A variable's name, and what it was before.
pub(super) type Local = (String, Option<Variable>);

#[derive(Clone, Debug, Default)]
pub(super) struct Variable {
    value: String,
    exported: bool,
}

impl Shell {
    /// A fresh shell of an account, in its home.
    pub(in crate::logic::shell) fn new(account: Account, name: &str, manner: Manner) -> Self {
        let mut shell = Self {
            cwd: account.home.clone(),
            account,
            manner,
            name: name.to_owned(),
            status: 0,
            line: 1,
            arguments: Vec::new(),
            aliases: BTreeMap::new(),
            functions: BTreeMap::new(),
            history: Vec::new(),
            jobs: 0,
            variables: BTreeMap::new(),
            locals: Vec::new(),
            strict: false,
        };
        shell.enter_environment();
        shell
    }

    fn enter_environment(&mut self) {
        let account = self.account.clone();
        let path = if account.uid == 0 {
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        } else {
            "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
        };
        for (name, value) in [
            ("HOME", account.home.as_str()),
            ("LANG", "en_US.UTF-8"),
            ("LOGNAME", &account.name),
            ("PATH", path),
            ("PWD", &account.home),
            ("SHELL", &account.shell),
            ("SHLVL", "1"),
            ("USER", &account.name),
        ] {
            self.set(name, value);
            self.export(name);
        }
    }

    /// Bytes that a copy of it takes.
    pub(super) fn weight(&self) -> usize {
        let values: usize = self.variables.values().map(|variable| variable.value.len()).sum();
        let history: usize = self.history.iter().map(String::len).sum();
        let arguments: usize = self.arguments.iter().map(String::len).sum();
        values + history + arguments + 64 * (self.variables.len() + self.functions.len())
    }

    /// What stands before its own complaints.
    pub(in crate::logic::shell) fn complaint(&self) -> String {
        match self.manner {
            Manner::Script if self.name == "sh" => "sh: 1".to_owned(),
            Manner::Script => format!("{}: line {}", self.name, self.line),
            Manner::Interactive | Manner::Login => self.name.clone(),
        }
    }

    pub(in crate::logic::shell) fn owner(&self) -> Owner {
        Owner { uid: self.account.uid, gid: self.account.gid }
    }

    /// Whether a person reads its answers.
    pub(in crate::logic::shell) fn is_interactive(&self) -> bool {
        self.manner != Manner::Script
    }

    pub(in crate::logic::shell) fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|variable| variable.value.as_str())
    }

    /// Sets a variable, as far as the limits allow.
    pub(in crate::logic::shell) fn set(&mut self, name: &str, value: &str) {
        let total: usize = self.variables.values().map(|variable| variable.value.len()).sum();
        let known = self.variables.contains_key(name);
        let full = !known && self.variables.len() >= MAX_NAMES;
        if full || value.len() > MAX_VALUE || total + value.len() > MAX_VALUES {
            return;
        }
        self.variables.entry(name.to_owned()).or_default().value = value.to_owned();
    }

    /// Hands a variable on to commands.
    pub(in crate::logic::shell) fn export(&mut self, name: &str) {
        if self.variables.contains_key(name) || self.variables.len() < MAX_NAMES {
            self.variables.entry(name.to_owned()).or_default().exported = true;
        }
    }

    /// Sets a variable that is handed on, and gives what was there.
    pub(super) fn lend(&mut self, name: &str, value: &str) -> Local {
        let before = self.variables.get(name).cloned();
        self.set(name, value);
        self.export(name);
        (name.to_owned(), before)
    }

    /// Brings back what [`Shell::lend`] gave.
    pub(super) fn restore(&mut self, before: Vec<Local>) {
        for (name, variable) in before.into_iter().rev() {
            match variable {
                Some(variable) => drop(self.variables.insert(name, variable)),
                None => drop(self.variables.remove(&name)),
            }
        }
    }

    /// A function begins: what it makes its own ends with it.
    pub(super) fn enter_function(&mut self) {
        self.locals.push(Vec::new());
    }

    pub(super) fn leave_function(&mut self) {
        let before = self.locals.pop().unwrap_or_default();
        self.restore(before);
    }

    /// Makes a variable the running function's own.
    pub(in crate::logic::shell) fn make_local(&mut self, name: &str) {
        let before = self.variables.get(name).cloned();
        if let Some(locals) = self.locals.last_mut().filter(|locals| locals.len() < MAX_NAMES) {
            locals.push((name.to_owned(), before));
        }
    }

    pub(in crate::logic::shell) fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// Every variable in order of its name, and whether it is handed on.
    pub(in crate::logic::shell) fn variables(&self) -> impl Iterator<Item = (&str, &str, bool)> {
        self.variables
            .iter()
            .map(|(name, variable)| (name.as_str(), variable.value.as_str(), variable.exported))
    }

    pub(in crate::logic::shell) fn alias(&mut self, name: &str, text: &str) {
        if self.aliases.len() < MAX_NAMES && text.len() <= 4096 {
            self.aliases.insert(name.to_owned(), text.to_owned());
        }
    }

    pub(in crate::logic::shell) fn define(&mut self, name: &str, body: Arc<List>) {
        if self.functions.len() < MAX_NAMES {
            self.functions.insert(name.to_owned(), body);
        }
    }

    /// Adds a line to the history; the oldest ones go.
    pub(in crate::logic::shell) fn remember(&mut self, line: &str) {
        let same = self.history.last().is_some_and(|last| last == line);
        if line.trim().is_empty() || line.starts_with(' ') || same {
            return;
        }
        self.history.push(line.to_owned());
        let mut bytes: usize = self.history.iter().map(String::len).sum();
        while self.history.len() > MAX_HISTORY || bytes > MAX_HISTORY_BYTES {
            bytes -= self.history.remove(0).len();
        }
    }

    /// The shell as a child of it starts: what is not handed on is gone.
    pub(in crate::logic::shell) fn child(&self, name: &str, manner: Manner) -> Self {
        let mut child = self.clone();
        child.name = name.to_owned();
        child.manner = manner;
        child.variables.retain(|_, variable| variable.exported);
        child.aliases.clear();
        child.functions.clear();
        child.history.clear();
        child.arguments.clear();
        child.jobs = 0;
        child.strict = false;
        let level = self.value("SHLVL").and_then(|level| level.parse::<u32>().ok()).unwrap_or(1);
        child.set("SHLVL", &(level.min(998) + 1).to_string());
        child
    }
}
