package ingest

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How rotated files are named: mail.log.1, mail.log.0.gz, mail.log-20261120,
// mail.log-2026-11-20.zst, mail.log.old, with the extension last
// mail-20261120.log.gz or mail.1.log, hmailserver_2026-11-20.log, MDaemon-2026-11-20-SMTP-(out).log;
// Exchange's MSGTRK2026112014-1.LOG, KumoMTA's 20261120-140000.123456789 (with a
// suffix, if configured), neither of which has a file without a date; and
// multilog's @40000000...s beside current.
const (
	rotation = `(?:[._-](\d{4}-?\d\d-?\d\d(?:[-_.T]?\d{2,10})?)|[.-](\d{1,3}|old))`
	packed   = `(\.(?:gz|bz2|zst|xz|lzma|lz4|Z))?`
)

var (
	rotatedLast = regexp.MustCompile(`^(.+?)` + rotation + packed + `$`)
	rotatedMid  = regexp.MustCompile(`^(.+?)[._-](\d{4}-?\d\d-?\d\d(?:[-_.T]?\d{2,10})?)([._-]\(?[A-Za-z][^/]*?)` +
		packed + `$`)
	rotatedNumber = regexp.MustCompile(`^(.+?)\.(\d{1,3})(\.[A-Za-z][^/.]*)` + packed + `$`)
	exchange      = regexp.MustCompile(`^([A-Za-z]{3,})(\d{8}(?:\d\d)?-\d+)(\.[A-Za-z]+)` + packed + `$`)
	dateOnly      = regexp.MustCompile(`^(\d{8}-\d{6}(?:\.\d+)?)([._-]?[A-Za-z][\w.-]*?)??` + packed + `$`)
	multilog      = regexp.MustCompile(`^@[0-9a-f]{24}\.[su]$`)
	packedOnly    = regexp.MustCompile(`^(.+)\.(gz|bz2|zst|xz|lzma|lz4|Z)$`)

	// An IPv4 address at the end of a name, also as in ip-192-0-2-10: its last
	// number tells a host from others. A fifth number is what rotation added.
	address = regexp.MustCompile(`(?:^|[^\d.]\.?)\d{1,3}(?:\.\d{1,3}){3}$|(?:^|[^\d-]-?)\d{1,3}(?:-\d{1,3}){3}$`)
)

// baseName takes a rotated file's suffixes off its name; mark is what told
// its turn (a number or a date), plain its name without the compression's.
func baseName(name string) (base, mark, plain string) {
	plain = name
	if m := packedOnly.FindStringSubmatch(name); m != nil {
		plain = m[1]
	}
	if multilog.MatchString(plain) {
		return "current", "", plain
	}
	if m := dateOnly.FindStringSubmatch(name); m != nil {
		return "segments" + m[2], m[1], plain
	}
	for _, dated := range []*regexp.Regexp{rotatedMid, exchange} {
		if m := dated.FindStringSubmatch(name); m != nil && !rotatedOnlyPacked(m[3]) {
			return m[1] + m[3], m[2], plain
		}
	}
	if m := rotatedLast.FindStringSubmatch(name); m != nil && !address.MatchString(plain) {
		return m[1], m[2] + m[3], plain
	}
	return plain, "", plain
}

// numbered are those of the names in a directory, and their marks, that have a number
// before the extension, mail.1.log, as logrotate's extension has it, and hosts as well.
// They are rotated files of base (mail.log) where they are numbered from 0 or 1 on, and
// none of them has rotated files of its own (mail.2.log.1).
func numbered(base string, names []string) map[string]string {
	plain, there, turns := map[string]bool{}, map[int]bool{}, map[string]string{}
	for _, name := range names {
		m := rotatedNumber.FindStringSubmatch(name)
		if m == nil || m[1]+m[3] != base || rotatedOnlyPacked(m[3]) || address.MatchString(m[1]+"."+m[2]) {
			continue
		}
		n, _ := strconv.Atoi(m[2])
		plain[m[1]+"."+m[2]+m[3]], there[n], turns[name] = true, true, m[2]
	}
	if len(turns) == 0 || slices.ContainsFunc(names, func(name string) bool {
		of, mark, _ := baseName(name)
		return mark != "" && plain[of]
	}) {
		return nil
	}
	last := 0
	for there[last+1] {
		last++
	}
	maps.DeleteFunc(turns, func(_, mark string) bool {
		n, _ := strconv.Atoi(mark)
		return n > last
	})
	return turns
}

func rotatedOnlyPacked(ext string) bool { return packedOnly.MatchString("x" + ext) }

// unfinished tells whether the file of that name is one that KumoMTA is still
// writing: a segment of a zstd stream that has no end yet. What it has
// finished, or finds at its start, it marks by taking the right to write away
// (kumod/src/logging/files.rs, mark_path_as_done).
func unfinished(info os.FileInfo) bool {
	return info.Mode().Perm()&0o222 != 0 && dateOnly.MatchString(info.Name())
}

// sibling is a file of the stream as it lies on disk.
type sibling struct {
	path  string
	plain string // path without the compression's suffix
	mark  string
	info  os.FileInfo
	known bool // by its name, to be one
	twin  bool // packed, and beside it lies what may be the same unpacked
	far   bool // it lies beside what the stream's path is a link to
}

// list names the files of the stream of path but path itself, oldest first:
// those beside it, those in folders and, where it is a link, those beside the
// log that it leads to. Of directories that cannot be listed the error tells,
// beside the files of the others.
//
// Their order is that of their times of change, which a rename and every
// compressor keep. Where all of these lie within an hour (the files were
// copied, or rotate fast) the names decide: numbers fall, dates rise.
func list(path string, folders []string) ([]sibling, error) {
	found, unlisted := listOnce(path, folders)
	for range maxTurns {
		// What a rotator renames during a look may be missed under both names.
		was := found
		found, unlisted = listOnce(path, folders)
		if slices.EqualFunc(was, found, func(a, b sibling) bool {
			return a.path == b.path &&
				os.SameFile(a.info, b.info)
		}) {
			break
		}
	}
	for i := range found {
		s := &found[i]
		s.twin = s.path != s.plain && slices.ContainsFunc(found, func(o sibling) bool { return o.path == s.plain })
	}
	var lo, hi time.Time
	for i, s := range found {
		if t := s.info.ModTime(); i == 0 {
			lo, hi = t, t
		} else if t.Before(lo) {
			lo = t
		} else if t.After(hi) {
			hi = t
		}
	}
	byName := hi.Sub(lo) < time.Hour
	slices.SortStableFunc(found, func(a, b sibling) int {
		names := cmp.Or(compareTurns(a, b), strings.Compare(a.path, b.path))
		if byName {
			return names
		}
		return cmp.Or(a.info.ModTime().Compare(b.info.ModTime()), names)
	})
	return found, unlisted
}

// listOnce is list, by a single look and in no order.
func listOnce(path string, folders []string) (found []sibling, unlisted error) {
	// path may be a link to one of its siblings: that is the one written.
	live, err := os.Stat(path)
	if err != nil {
		live = nil
	}
	own := []string{path}
	if to := linked(path); to != path && whereIs(to) != whereIs(path) {
		own = append(own, basePath(to))
	}
	logs := own
	for _, dir := range folders {
		logs = append(logs, filepath.Join(dir, filepath.Base(path)))
	}
	for i, log := range logs {
		dir := filepath.Dir(log)
		names, err := namesIn(dir)
		switch gone := errors.Is(err, fs.ErrNotExist); {
		case err == nil, gone && i >= len(own):
		case unlisted == nil || errors.Is(unlisted, fs.ErrNotExist):
			unlisted = err
		default:
			unlisted = errors.Join(unlisted, err)
		}
		turns := numbered(filepath.Base(log), names)
		for _, name := range names {
			base, mark, plain := baseName(name)
			if turn := turns[name]; turn != "" {
				base, mark = filepath.Base(log), turn
			}
			if base != filepath.Base(log) || name == base {
				continue
			}
			full := filepath.Join(dir, name)
			info, err := os.Stat(full)
			if err != nil || !info.Mode().IsRegular() || live != nil && os.SameFile(live, info) {
				continue // rotated on just now, or a link to nothing, among others
			}
			found = append(found, sibling{path: full, plain: filepath.Join(dir, plain), mark: mark, info: info,
				known: true, far: i > 0 && i < len(own)})
		}
	}
	return found, unlisted
}

// linked is where the link at path leads, be anything there or not; path where
// it is none.
func linked(path string) string {
	for range maxLinks {
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(path)) // of which .. is another's
			if err != nil {
				break
			}
			to = filepath.Join(dir, to)
		}
		path = to
	}
	return path
}

const maxLinks = 40 // as many as Linux follows (path_resolution(7))

// holdsLog tells whether of the files at path, and of list, one has anything
// but mails; of those that led has watched it is not asked. What holds mails is
// noted in mails, by how it lies on disk, and not opened again.
func holdsLog(path string, folders []string, led *Ledger, mails map[disk]bool) (bool, error) {
	files, err := list(path, folders)
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		files = append(files, sibling{path: path, info: info})
	}
	return slices.ContainsFunc(files, func(s sibling) bool {
		d := diskOf(s.info)
		if s.info.Size() == 0 || mails[d] || led.watched(s.path) {
			return false // what is empty tells nothing
		}
		kind, err := sniffFile(s.path)
		mails[d] = err == nil && kind != kindLog
		return !mails[d]
	}), err
}

// numbers are those that its mark is made of; of a date, year, month and day
// come first, as one.
func (s sibling) numbers() (all []uint64, dated bool) {
	runs := strings.FieldsFunc(s.mark, func(r rune) bool { return r < '0' || r > '9' })
	date := ""
	for len(runs) > 0 && len(date) < 8 {
		n := min(len(runs[0]), 8-len(date))
		date += runs[0][:n]
		if runs[0] = runs[0][n:]; runs[0] == "" {
			runs = runs[1:]
		}
	}
	for _, run := range append([]string{date}, runs...) {
		n, _ := strconv.ParseUint("0"+run, 10, 64) // what is too long is the largest
		all = append(all, n)
	}
	return all, len(date) == 8
}

// compareTurns is negative where a is the older one by its name: numbers fall
// from file to file, dates rise, and who changes from one to the other does so
// to dates.
func compareTurns(a, b sibling) int {
	na, datedA := a.numbers()
	nb, datedB := b.numbers()
	switch {
	case datedA && datedB:
		return slices.Compare(na, nb)
	case datedA:
		return 1
	case datedB:
		return -1
	}
	return slices.Compare(nb, na)
}

// diskOf is how the file lies on disk.
func diskOf(info os.FileInfo) disk {
	d := disk{Size: info.Size(), MTime: info.ModTime().UnixNano()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		d.Dev, d.Inode = uint64(sys.Dev), sys.Ino
	}
	return d
}
