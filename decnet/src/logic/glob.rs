//! Patterns for paths, as operators write them.

/// Whether a path is meant by a pattern: `?` is any character and `*` any number of them, but no
/// `/`; `**` is any number of any. A pattern without `/` is compared with the last part alone, and
/// one that means a folder means what is in it.
pub fn is_meant(pattern: &str, path: &str) -> bool {
    let pattern = pattern.trim_end_matches('/');
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.filter_map(|end| path.get(..end)).any(|part| {
        let name = part.rsplit_once('/').map_or(part, |(_, name)| name);
        let whole = if pattern.contains('/') { part } else { name };
        fits(pattern.trim_start_matches('/').as_bytes(), whole.as_bytes())
    })
}

/// Whether bytes fit, each star beginning with as few as it can: the last one takes more when the
/// rest does not fit, and no star before it ever has to.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    // Where to begin anew: after a star, and after what it has taken; those of `*` and of `**`.
    let mut stars: [Option<(usize, usize)>; 2] = [None, None];
    loop {
        match (pattern.get(at), text.get(seen)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                let deep = pattern.get(at + 1) == Some(&b'*');
                at += 1 + usize::from(deep);
                if deep {
                    stars = [None, Some((at, seen))];
                } else {
                    stars[0] = Some((at, seen));
                }
                continue;
            }
            (Some(b'?'), Some(byte)) if *byte != b'/' => {
                (at, seen) = (at + 1, seen + 1);
                continue;
            }
            (Some(wanted), Some(byte)) if wanted == byte => {
                (at, seen) = (at + 1, seen + 1);
                continue;
            }
            _ => {}
        }
        let [flat, deep] = &mut stars;
        if flat.is_some_and(|(_, taken)| text.get(taken).is_none_or(|byte| *byte == b'/')) {
            *flat = None;
        }
        let Some((after, taken)) = flat.as_mut().or(deep.as_mut()) else { return false };
        if *taken >= text.len() {
            return false;
        }
        *taken += 1;
        (at, seen) = (*after, *taken);
    }
}

#[cfg(test)]
mod tests;
