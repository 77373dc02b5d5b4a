package engine

import (
	"debug/elf"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A time zone's name opens a file. ClickHouse has the zones built in; a name that is none of them goes to cctz, which takes
// "file:PATH", and any path below /usr/share/zoneinfo, to fopen(3). Landlock holds what is opened by path, not
// /proc/self/fd/N, by which a process comes to its own pipes and sockets: SELECT toDateTime(0, 'file:/proc/self/fd/9') waited
// there with all other zones behind it, or took from another's answer. The name may be computed, so no look at the statement
// finds it, and the zones of ClickHouse's build need no file. So the library's calls of fopen are led to a function that
// finds no file. (Tried: seccomp, where open(2) as fopen makes it cannot be told from others'.)

// fopenNames are C's names of what cctz opens files with; in libchdb nothing else of what the engine does goes by them.
var fopenNames = map[string]bool{"fopen": true, "fopen64": true}

// noFile is the address of a C function that returns NULL. It is assembly: the library's threads are none of Go's.
var noFile uintptr

// closeZones takes fopen(3) from the library, by its table of imported functions (ELF's relocations of the kind JUMP_SLOT or
// GLOB_DAT). The zone of the machine itself, for which it reads /etc/localtime, must be known by then.
func (l *library) closeZones() error {
	slots, err := l.imported(fopenNames)
	if err != nil {
		return fmt.Errorf("close the time zones' files: %w", err)
	}
	if len(slots) == 0 {
		return fmt.Errorf("close the time zones' files: %s does not import fopen: another libchdb than the one this was made for", l.path)
	}
	for _, slot := range slots {
		// RELRO has made the page read-only, or not: where it had been writable, its neighbours are written to.
		page := slot.address &^ uintptr(os.Getpagesize()-1)
		memory := unsafe.Slice((*byte)(pointer(page)), os.Getpagesize())
		if slot.readOnly {
			if err := unix.Mprotect(memory, unix.PROT_READ|unix.PROT_WRITE); err != nil {
				return fmt.Errorf("close the time zones' files: %w", err)
			}
		}
		*(*uintptr)(pointer(slot.address)) = noFile
		if slot.readOnly {
			if err := unix.Mprotect(memory, unix.PROT_READ); err != nil {
				return fmt.Errorf("close the time zones' files: %w", err)
			}
		}
	}
	return nil
}

// pointer is an address in C's memory, which Go's collector never moves.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// slot is where the library keeps the address of a function that it imports.
type slot struct {
	address  uintptr
	readOnly bool
}

const relocationSize = 24 // of an Elf64_Rela: r_offset, r_info, r_addend

// imported finds the slots of the functions with these names.
func (l *library) imported(names map[string]bool) ([]slot, error) {
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
	wanted := map[uint32]bool{}
	for i, s := range symbols {
		if s.Name == connectName {
			base = l.connectAddress - uintptr(s.Value)
		}
		if s.Section == elf.SHN_UNDEF && names[s.Name] {
			wanted[uint32(i+1)] = true // symbol 0 is left out
		}
	}
	var slots []slot
	for _, section := range f.Sections {
		if section.Type != elf.SHT_RELA {
			continue
		}
		data, err := section.Data()
		if err != nil {
			return nil, err
		}
		for ; len(data) >= relocationSize; data = data[relocationSize:] {
			offset := f.ByteOrder.Uint64(data)
			if !wanted[elf.R_SYM64(f.ByteOrder.Uint64(data[8:]))] {
				continue
			}
			s := slot{address: base + uintptr(offset)}
			for _, p := range f.Progs {
				s.readOnly = s.readOnly || p.Type == elf.PT_GNU_RELRO && p.Vaddr <= offset && offset < p.Vaddr+p.Memsz
			}
			slots = append(slots, s)
		}
	}
	return slots, nil
}
