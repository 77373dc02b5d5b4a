package engine

import (
	"debug/elf"
	"fmt"
	"os"
	"unsafe"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"
)

// Time zones are built into ClickHouse. A name that is none of them goes to cctz, and that has ways of its own:
//
//   - "file:PATH", and any path below /usr/share/zoneinfo, are opened by fopen(3). Landlock holds what is opened by its path,
//     not /proc/self/fd/N, by which a process comes to its own pipes and sockets: SELECT toDateTime(0, 'file:/proc/self/fd/9')
//     waited there with all zones behind it, or took from another's answer;
//   - "libc:localtime" asks mktime(3) for each day of 200 years, with summer time and without; where a zone has none, glibc looks
//     for it 1,800 times: 15 to 40 s, with all zones behind it.
//
// The name may be computed, so no look at the statement finds it. What these need is therefore taken from the library:
// its calls of fopen go to a function that finds no file, the C library's local time is UTC for it. (Tried: seccomp,
// where fopen's open(2) cannot be told from others'; TZ=UTC in the environment, which is as slow.)

// noFile is the address of a C function that returns NULL. It is assembly: the library's threads are none of Go's.
var noFile uintptr

// closeZones puts these functions in the place of what the library imports from the C library. The zone of the machine
// itself, for which it reads /etc/localtime, must be known by then.
func (l *library) closeZones() error {
	instead := map[string]uintptr{"fopen": noFile, "fopen64": noFile}
	for local, utc := range map[string]string{"mktime": "timegm", "localtime_r": "gmtime_r", "localtime": "gmtime"} {
		var err error
		if instead[local], err = purego.Dlsym(purego.RTLD_DEFAULT, utc); err != nil {
			return fmt.Errorf("close the ways of time zones: %w", err)
		}
	}
	n, err := l.replace(instead)
	if err != nil {
		return fmt.Errorf("close the ways of time zones: %w", err)
	}
	if n == 0 { // what it does not import it does not call; with none of these it has a C library within
		return fmt.Errorf("close the ways of time zones: %s imports no fopen: another libchdb than the one this was made for", l.path)
	}
	return nil
}

// replace has the library call other functions in place of what it imports under these names. It says how many there
// were.
func (l *library) replace(instead map[string]uintptr) (n int, err error) {
	if l.slots == nil {
		if l.slots, err = l.imported(); err != nil {
			return 0, err
		}
	}
	for name, f := range instead {
		for _, s := range l.slots[name] {
			if err := s.set(f); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// slot is where the library keeps the address of a function that it imports.
type slot struct {
	address  uintptr
	readOnly bool // RELRO
}

func (s slot) set(f uintptr) error {
	if !s.readOnly {
		*(*uintptr)(pointer(s.address)) = f
		return nil
	}
	size := os.Getpagesize()
	page := unsafe.Slice((*byte)(pointer(s.address&^uintptr(size-1))), size)
	if err := unix.Mprotect(page, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return err
	}
	*(*uintptr)(pointer(s.address)) = f
	return unix.Mprotect(page, unix.PROT_READ)
}

// pointer is an address in C's memory, which Go's collector never moves.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

const relocationSize = 24 // of an Elf64_Rela: r_offset, r_info, r_addend

// imported finds the slots of the functions that are imported, by ELF's relocations.
func (l *library) imported() (map[string][]slot, error) {
	f, err := elf.Open(l.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return nil, err
	}
	var base uintptr
	wanted := map[uint32]string{}
	for i, s := range symbols {
		if s.Name == connectName {
			base = l.connectAddress - uintptr(s.Value)
		}
		if s.Section == elf.SHN_UNDEF && elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			wanted[uint32(i+1)] = s.Name // symbol 0 is left out
		}
	}
	slots := map[string][]slot{}
	for _, section := range f.Sections {
		if section.Type != elf.SHT_RELA {
			continue
		}
		data, err := section.Data()
		if err != nil {
			return nil, err
		}
		for ; len(data) >= relocationSize; data = data[relocationSize:] {
			symbol := elf.R_SYM64(f.ByteOrder.Uint64(data[8:]))
			if symbol == 0 {
				continue // of the library itself, as nearly all are
			}
			name, ok := wanted[symbol]
			if !ok {
				continue
			}
			offset := f.ByteOrder.Uint64(data)
			s := slot{address: base + uintptr(offset)}
			for _, p := range f.Progs {
				s.readOnly = s.readOnly || p.Type == elf.PT_GNU_RELRO && p.Vaddr <= offset && offset < p.Vaddr+p.Memsz
			}
			slots[name] = append(slots[name], s)
		}
	}
	return slots, nil
}
