//! The capture programs in the kernel: loaded, pinned, opened, attached.
//!
//! Loading takes CAP_BPF and CAP_PERFMON, and is done by `decnet bpf load`, which pins
//! everything and ends, or by a role that starts as root and then drops to CAP_NET_ADMIN and
//! CAP_NET_RAW. Those two suffice for everything else here.

mod attach;
mod deckies;
mod link;
mod maps;
mod rings;

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use aya::maps::{Map, MapData, MapError};
use aya::programs::{Program, SchedClassifier, SkLookup};
use aya::{Ebpf, EbpfLoader};
use decnet_ebpf::{KNOWS_NAMESPACES, map, program};

use crate::logic::release::Digest;

pub use attach::{Hook, detach_left};
pub use maps::{Counters, Maps, Wakeups};
pub use rings::{Ring, Unread};

/// The programs as they were built.
const OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/programs.o"));

/// Name of the link beside the pins whose target says of which object they are.
const MARK: &str = "object";

/// Longest verifier log that an error repeats, in bytes.
const MAX_LOG: usize = 2_000;

/// What can go wrong with the capture programs.
#[derive(Debug, thiserror::Error)]
pub enum BpfError {
    /// A program cannot be attached.
    #[error("cannot attach capture to `{interface}`")]
    Attach {
        /// To what.
        interface: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The kernel does not take the programs.
    #[error("cannot load the capture programs into the kernel: {0}")]
    Load(String),
    /// A map cannot be read or written.
    #[error("cannot use capture map {map}")]
    Map {
        /// Which.
        map: &'static str,
        /// Why.
        #[source]
        source: MapError,
    },
    /// The object lacks a map or a program: it is of another version.
    #[error("the capture programs have no {0}")]
    Missing(&'static str),
    /// What is pinned was loaded by another release.
    #[error("the capture programs at `{0}` are those of another release")]
    Others(PathBuf),
    /// A pin cannot be made or opened.
    #[error("cannot {doing} `{path}`: {why}")]
    Pin {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The socket look-up cannot be attached to a decky's namespace.
    #[error("cannot attach the catch-all to a decky")]
    Steer(#[source] std::io::Error),
}

/// The result of working with the capture programs.
pub type Result<T> = std::result::Result<T, BpfError>;

/// The programs, in the kernel and ready to be attached.
#[derive(Debug)]
pub struct Programs {
    source: Source,
    /// Where they are attached, with [`Hook::Tcx`].
    links: Vec<OwnedFd>,
}

#[derive(Debug)]
enum Source {
    Loaded(Box<Ebpf>),
    Pinned {
        dir: PathBuf,
        ingress: Box<SchedClassifier>,
        egress: Box<SchedClassifier>,
        steer: Box<SkLookup>,
    },
}

/// Whether the programs are in this binary: an ELF object for BPF.
pub fn is_whole() -> bool {
    const BPF_MACHINE: [u8; 2] = [247, 0];
    OBJECT.starts_with(b"\x7fELF") && OBJECT.get(18..20) == Some(&BPF_MACHINE)
}

/// Whether what is pinned below `dir` is all there and was loaded from the programs of this binary.
pub fn are_ours(dir: &Path) -> bool {
    std::fs::read_link(dir.join(MARK)).is_ok_and(|found| found == mark())
}

/// Says below `dir` whose the pins are, when all of them are there.
///
/// # Errors
///
/// [`BpfError::Pin`] when the file system refuses.
pub fn put_mark(dir: &Path) -> Result<()> {
    let path = dir.join(MARK);
    std::os::unix::fs::symlink(mark(), &path).map_err(|error| pin("make", &path, &error))
}

/// Takes back what [`put_mark`] said, before a pin is touched; none is as good.
///
/// # Errors
///
/// [`BpfError::Pin`] when the file system refuses.
pub fn remove_mark(dir: &Path) -> Result<()> {
    let path = dir.join(MARK);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(pin("remove", &path, &error))
        }
        _ => Ok(()),
    }
}

fn mark() -> PathBuf {
    Digest::of(OBJECT).to_string().into()
}

impl Programs {
    /// Loads them.
    ///
    /// # Errors
    ///
    /// [`BpfError::Load`] without CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, or on a kernel that does
    /// not take them.
    pub fn load() -> Result<Self> {
        // Whether the kernel has what is optional is found out by asking for it.
        Self::load_with(1).or_else(|_| Self::load_with(0))
    }

    fn load_with(knows_namespaces: u8) -> Result<Self> {
        let mut loader = EbpfLoader::new();
        loader.override_global(KNOWS_NAMESPACES, &knows_namespaces, true);
        let mut ebpf = loader.load(OBJECT).map_err(|error| refused(&error))?;
        for (_, program) in ebpf.programs_mut() {
            match program {
                Program::SchedClassifier(program) => program.load(),
                Program::SkLookup(program) => program.load(),
                _ => Ok(()),
            }
            .map_err(|error| refused(&error))?;
        }
        let settings = ebpf.map_mut(map::SETTINGS).ok_or(BpfError::Missing(map::SETTINGS))?;
        maps::set_seed(settings)?;
        Ok(Self { source: Source::Loaded(Box::new(ebpf)), links: Vec::new() })
    }

    /// Pins programs and maps below `dir`, which must be on a bpffs, so that [`Programs::open`]
    /// finds them.
    ///
    /// # Errors
    ///
    /// [`BpfError::Pin`] when one cannot be pinned; what was pinned by this call stays.
    pub fn pin(&mut self, dir: &Path) -> Result<()> {
        let Source::Loaded(ebpf) = &mut self.source else { return Ok(()) };
        // A bpffs takes no names with dots (kernel/bpf/inode.c, bpf_lookup); those are the programs'
        // own constants, which they hold themselves.
        for (name, map) in ebpf.maps().filter(|(name, _)| !name.contains('.')) {
            map.pin(dir.join(name)).map_err(|error| pin("pin", &dir.join(name), &error))?;
        }
        for (name, program) in ebpf.programs_mut() {
            let path = dir.join(name);
            program.pin(&path).map_err(|error| pin("pin", &path, &error))?;
        }
        Ok(())
    }

    /// Opens what [`Programs::pin`] pinned below `dir`.
    ///
    /// # Errors
    ///
    /// [`BpfError::Pin`] when one is not there or not ours to open, [`BpfError::Others`] when
    /// another release has loaded them: its maps may be laid out in another way.
    pub fn open(dir: &Path) -> Result<Self> {
        let classifier = |name| {
            let path = dir.join(name);
            SchedClassifier::from_pin(&path)
                .map_err(|error| pin("open", &path, &error))
                .map(Box::new)
        };
        let path = dir.join(program::STEER);
        if path.exists() && !are_ours(dir) {
            return Err(BpfError::Others(dir.into()));
        }
        let steer = SkLookup::from_pin(&path).map_err(|error| pin("open", &path, &error))?;
        Ok(Self {
            source: Source::Pinned {
                dir: dir.into(),
                ingress: classifier(program::INGRESS)?,
                egress: classifier(program::EGRESS)?,
                steer: Box::new(steer),
            },
            links: Vec::new(),
        })
    }

    /// Takes the maps; once.
    ///
    /// # Errors
    ///
    /// [`BpfError::Missing`] when one is not there, [`BpfError::Map`] when it is of another kind.
    pub fn maps(&mut self) -> Result<Maps> {
        Maps::new(|name| self.take_map(name))
    }

    /// Takes the two rings, that of sightings and that of frames; once.
    ///
    /// # Errors
    ///
    /// As [`Programs::maps`].
    pub fn rings(&mut self) -> Result<(Unread, Unread)> {
        let mut take = |name| Ok::<_, BpfError>(Unread::new(self.take_map(name)?));
        Ok((take(map::PRIO)?, take(map::BULK)?))
    }

    fn take_map(&mut self, name: &'static str) -> Result<Map> {
        match &mut self.source {
            Source::Loaded(ebpf) => ebpf.take_map(name).ok_or(BpfError::Missing(name)),
            Source::Pinned { dir, .. } => {
                let path = dir.join(name);
                let data = MapData::from_pin(&path).map_err(|error| pin("open", &path, &error))?;
                Map::from_map_data(data).map_err(|source| BpfError::Map { map: name, source })
            }
        }
    }

    /// Lets the catch-all of a decky take the connections of its network namespace, as long as the
    /// descriptor is open somewhere and the namespace is there.
    ///
    /// # Errors
    ///
    /// [`BpfError::Steer`] when CAP_NET_ADMIN is missing.
    pub fn steer(&self, namespace: impl AsFd) -> Result<OwnedFd> {
        let other = |error| BpfError::Steer(std::io::Error::other(error));
        let program = self.steering()?.fd().map_err(other)?;
        link::attach(program.as_fd(), namespace.as_fd()).map_err(BpfError::Steer)
    }

    /// The kernel's number of the program that [`Programs::steer`] attaches.
    ///
    /// # Errors
    ///
    /// [`BpfError::Steer`] when the kernel does not say it.
    pub fn steered_by(&self) -> Result<u32> {
        let info = self.steering()?.info();
        info.map(|info| info.id()).map_err(|error| BpfError::Steer(std::io::Error::other(error)))
    }

    /// What holds the guard of the deckies, and with it the capture: they last as long as one of
    /// these is open somewhere. None with [`Hook::Clsact`], where they last until they are removed.
    pub fn guard(&self) -> &[OwnedFd] {
        &self.links
    }

    fn steering(&self) -> Result<&SkLookup> {
        match &self.source {
            Source::Pinned { steer, .. } => Ok(steer.as_ref()),
            Source::Loaded(ebpf) => match ebpf.program(program::STEER) {
                Some(Program::SkLookup(program)) => Ok(program),
                _ => Err(BpfError::Missing(program::STEER)),
            },
        }
    }

    fn classifier(&mut self, name: &'static str) -> Result<&mut SchedClassifier> {
        match &mut self.source {
            Source::Pinned { ingress, .. } if name == program::INGRESS => Ok(ingress),
            Source::Pinned { egress, .. } => Ok(egress),
            Source::Loaded(ebpf) => match ebpf.program_mut(name) {
                Some(Program::SchedClassifier(program)) => Ok(program),
                _ => Err(BpfError::Missing(name)),
            },
        }
    }
}

/// A refusal of the kernel, with as much of the verifier's log as a person reads.
fn refused(error: &dyn std::error::Error) -> BpfError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    if text.len() > MAX_LOG {
        // The end of a verifier log says what it did not like.
        let from = (text.len() - MAX_LOG..text.len()).find(|at| text.is_char_boundary(*at));
        text = format!("… {}", text.get(from.unwrap_or(0)..).unwrap_or_default());
    }
    BpfError::Load(text)
}

fn pin(doing: &'static str, path: &Path, error: &dyn std::error::Error) -> BpfError {
    let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    BpfError::Pin { doing, path: path.into(), why }
}
