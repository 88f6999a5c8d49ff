//! What waits to be committed, as plain data: transitions of a workflow id are gathered into one
//! group until they are taken.

use super::{Load, Ticket, WriterOptions};
use crate::store::Commit;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Groups in the order in which they may be taken.
#[derive(Debug)]
pub(super) struct Queue {
    hold: Duration,
    hold_unwatched: Duration,
    gather: Duration,
    runs_max: usize,
    bytes_max: usize,
    groups: HashMap<Ticket, Group>,
    by_workflow: HashMap<Arc<str>, Ticket>,
    /// Tickets of groups that were joined to another, and that one's.
    joined: HashMap<Ticket, Ticket>,
    /// At rest, or held long enough. A ticket whose group is gone is passed over.
    ready: VecDeque<Ticket>,
    /// Groups that are ready.
    ready_groups: usize,
    /// Since when any has been.
    ready_since: Option<Instant>,
    /// Not at rest, the oldest first. A ticket whose group is gone or at rest is passed over.
    held: VecDeque<Ticket>,
    /// Those of them that somebody waits for, with when the waiting began, the longest first.
    watched: VecDeque<(Ticket, Instant)>,
}

/// Transitions that are committed together: those of one workflow id, and of others that were
/// changed in one transition with it.
#[derive(Debug)]
pub(super) struct Group {
    /// The first is the group's name.
    pub(super) tickets: Vec<Ticket>,
    pub(super) commits: Vec<Commit>,
    pub(super) load: Load,
    ready: bool,
    watched: bool,
    since: Instant,
}

/// What the thread is to do.
#[derive(Debug)]
pub(super) enum Next {
    /// Commit these.
    Commit(Vec<Group>),
    /// Wait until then, or until something is ready or watched.
    WaitUntil(Instant),
    /// Wait until then, or until nothing is under way that could come along.
    Gather(Instant),
    /// Wait until something comes.
    Wait,
}

impl Queue {
    pub(super) fn new(options: &WriterOptions) -> Self {
        Queue {
            hold: options.hold,
            hold_unwatched: options.hold_unwatched,
            gather: options.gather,
            runs_max: options.commit_runs_max,
            bytes_max: options.commit_bytes_max,
            groups: HashMap::new(),
            by_workflow: HashMap::new(),
            joined: HashMap::new(),
            ready: VecDeque::new(),
            ready_groups: 0,
            ready_since: None,
            held: VecDeque::new(),
            watched: VecDeque::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Whether any group is not ready yet.
    pub(super) fn is_any_under_way(&self) -> bool {
        self.groups.len() > self.ready_groups
    }

    /// Adds one transition to the group of its workflow ids; `issue` makes the ticket of a group
    /// that begins.
    pub(super) fn push(
        &mut self,
        commits: Vec<Commit>,
        load: Load,
        at_rest: bool,
        now: Instant,
        issue: impl FnOnce() -> Ticket,
    ) -> Ticket {
        let name = self.group_of(&commits).unwrap_or_else(|| {
            let ticket = issue();
            self.groups.insert(ticket, Group::new(ticket, now));
            self.held.push_back(ticket);
            ticket
        });
        for commit in &commits {
            if !self.by_workflow.contains_key(&commit.workflow_id) {
                self.by_workflow.insert(Arc::clone(&commit.workflow_id), name);
            }
        }
        if let Some(group) = self.groups.get_mut(&name) {
            group.add(commits, load);
        }
        if at_rest {
            self.make_ready(name, now);
        }
        name
    }

    /// The group that these belong to; if there are several, they become one.
    fn group_of(&mut self, commits: &[Commit]) -> Option<Ticket> {
        let mut name = None;
        for commit in commits {
            let Some(&found) = self.by_workflow.get(&commit.workflow_id) else { continue };
            match name {
                Some(name) if name != found => self.join(name, found),
                _ => name = Some(found),
            }
        }
        name
    }

    fn join(&mut self, into: Ticket, other: Ticket) {
        let Some(other) = self.take(other) else { return };
        for commit in &other.commits {
            self.by_workflow.insert(Arc::clone(&commit.workflow_id), into);
        }
        for ticket in &other.tickets {
            self.joined.insert(*ticket, into);
        }
        // Who waits for the other one, or that it was ready, counts for both.
        let (at_rest, watched, since) = (other.ready, other.watched, other.since);
        if let Some(group) = self.groups.get_mut(&into) {
            group.tickets.extend(other.tickets);
            group.add(other.commits, other.load);
        }
        if at_rest {
            self.make_ready(into, since);
        }
        if watched {
            self.watch(into, since);
        }
    }

    /// Lets a group be taken. Tells whether there is anything to take.
    pub(super) fn rest(&mut self, ticket: Ticket, now: Instant) -> bool {
        let name = self.name_of(ticket);
        self.make_ready(name, now);
        self.groups.contains_key(&name)
    }

    /// Somebody waits for that ticket: from now on its group is not held for long. Tells whether that is news.
    pub(super) fn watch(&mut self, ticket: Ticket, now: Instant) -> bool {
        let name = self.name_of(ticket);
        let Some(group) = self.groups.get_mut(&name) else { return false };
        if group.watched || group.ready {
            return false;
        }
        group.watched = true;
        self.watched.push_back((name, now));
        true
    }

    fn name_of(&self, ticket: Ticket) -> Ticket {
        self.joined.get(&ticket).copied().unwrap_or(ticket)
    }

    fn make_ready(&mut self, name: Ticket, now: Instant) {
        let Some(group) = self.groups.get_mut(&name).filter(|group| !group.ready) else { return };
        group.ready = true;
        self.ready.push_back(name);
        self.ready_groups += 1;
        self.ready_since.get_or_insert(now);
    }

    /// What is to be committed, or waited for. With `drain` nothing is held.
    pub(super) fn next(&mut self, now: Instant, drain: bool) -> Next {
        let held_until = self.release(now, drain);
        if let Some(until) = self.ready_since.and_then(|since| since.checked_add(self.gather))
            && !drain
            && now < until
            && self.ready_groups < self.runs_max
            && self.is_any_under_way()
        {
            return Next::Gather(held_until.map_or(until, |held| held.min(until)));
        }
        let groups = self.take_ready();
        match held_until {
            _ if !groups.is_empty() => Next::Commit(groups),
            Some(until) => Next::WaitUntil(until),
            None => Next::Wait,
        }
    }

    fn take_ready(&mut self) -> Vec<Group> {
        let (mut groups, mut runs, mut bytes) = (Vec::new(), 0, 0);
        while let Some(&name) = self.ready.front() {
            if runs >= self.runs_max || bytes >= self.bytes_max {
                return groups;
            }
            self.ready.pop_front();
            let Some(group) = self.remove(name) else { continue };
            runs += group.commits.len();
            bytes += group.load.bytes;
            groups.push(group);
        }
        self.ready_since = None;
        groups
    }

    /// Makes what was held long enough ready; tells when the next is, if one is held.
    fn release(&mut self, now: Instant, drain: bool) -> Option<Instant> {
        let is_held = |groups: &HashMap<Ticket, Group>, name| {
            groups.get(&name).is_some_and(|group| !group.ready)
        };
        let mut watched_until = None;
        while let Some(&(name, since)) = self.watched.front() {
            if is_held(&self.groups, name) {
                let until = since.checked_add(self.hold);
                if !drain && until.is_none_or(|until| now < until) {
                    watched_until = until;
                    break;
                }
                self.make_ready(name, now);
            }
            self.watched.pop_front();
        }
        while let Some(&name) = self.held.front() {
            if let Some(group) = self.groups.get(&name).filter(|group| !group.ready) {
                let until = group.since.checked_add(self.hold_unwatched);
                if !drain && until.is_none_or(|until| now < until) {
                    return watched_until.into_iter().chain(until).min();
                }
                self.make_ready(name, now);
            }
            self.held.pop_front();
        }
        watched_until
    }

    fn remove(&mut self, name: Ticket) -> Option<Group> {
        let group = self.take(name)?;
        for workflow_id in group.workflow_ids() {
            self.by_workflow.remove(workflow_id);
        }
        for ticket in &group.tickets[1..] {
            self.joined.remove(ticket);
        }
        Some(group)
    }

    fn take(&mut self, name: Ticket) -> Option<Group> {
        let group = self.groups.remove(&name)?;
        self.ready_groups -= usize::from(group.ready);
        Some(group)
    }

    /// Takes out every group that rests on one of these workflow ids, and adds the ids that were
    /// changed together with them.
    pub(super) fn remove_resting_on(
        &mut self,
        workflow_ids: &mut BTreeSet<Arc<str>>,
    ) -> Vec<Group> {
        let mut removed = Vec::new();
        let mut open: Vec<Arc<str>> = workflow_ids.iter().cloned().collect();
        while let Some(id) = open.pop() {
            let Some(group) = self.by_workflow.get(&id).copied().and_then(|n| self.remove(n))
            else {
                continue;
            };
            for other in group.workflow_ids() {
                if workflow_ids.insert(Arc::clone(other)) {
                    open.push(Arc::clone(other));
                }
            }
            removed.push(group);
        }
        removed
    }
}

impl Group {
    fn new(ticket: Ticket, now: Instant) -> Self {
        Group {
            tickets: vec![ticket],
            commits: Vec::new(),
            load: Load::default(),
            ready: false,
            watched: false,
            since: now,
        }
    }

    fn add(&mut self, commits: Vec<Commit>, load: Load) {
        self.load.transitions += load.transitions;
        self.load.bytes += load.bytes;
        for commit in commits {
            match self.commits.iter_mut().rev().find(|known| known.run_id == commit.run_id) {
                // One that does not follow stays by itself: the store refuses it, and the run is
                // read again.
                Some(known) => {
                    if let Err(commit) = known.absorb(commit) {
                        self.commits.push(*commit);
                    }
                }
                None => self.commits.push(commit),
            }
        }
    }

    /// The workflow ids that it changes, some of them more than once.
    pub(super) fn workflow_ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.commits.iter().map(|commit| &commit.workflow_id)
    }
}
