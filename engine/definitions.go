package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strings"
)

// The definitions of databases, tables and views are files that an ALTER or a CREATE OR REPLACE writes anew. On a full
// disk libchdb renames an empty one into place (see space.go), and with one such file it does not start again. So a
// copy of each is kept before anything changes them, and those that were cut are put back at the next start. One
// without a copy was being made, by a statement that was never acknowledged: it is set aside. The same goes for the
// file of a mutation; and of a table's format_version.txt all that there is to know is its number.
//
//	data/definitions/kept/...   copies, under the paths that they have in data/
//	data/definitions/cut/...    what was set aside

const keptDir, cutDir = "definitions/kept", "definitions/cut"

var definitionFiles = []string{"metadata/*.sql", "store/*/*/*.sql"}

// keepDefinitions copies what has changed since the last time. The error is ENOSPC where the disk has no room for it.
func keepDefinitions(data string) error {
	root, err := os.OpenRoot(data)
	if err != nil {
		return fmt.Errorf("keep the definitions of tables: %w", err)
	}
	defer root.Close()
	there := map[string]bool{}
	err = eachFile(root, "", definitionFiles, func(name, text, kept string) error {
		there[name] = true
		if cut(text, "") || text == kept {
			return nil
		}
		return replace(root, path.Join(keptDir, name), text)
	})
	if err == nil {
		err = eachFile(root, keptDir, definitionFiles, func(name, _, _ string) error {
			if there[name] {
				return nil
			}
			return root.Remove(path.Join(keptDir, name)) // it was dropped
		})
	}
	if err != nil {
		return fmt.Errorf("keep the definitions of tables: %w", err)
	}
	return nil
}

// mendDefinitions puts back, or sets aside, what was cut.
func mendDefinitions(data string, log *slog.Logger) error {
	root, err := os.OpenRoot(data)
	if err != nil {
		return fmt.Errorf("look at the definitions of tables: %w", err)
	}
	defer root.Close()
	err = eachFile(root, "", definitionFiles, func(name, text, kept string) error {
		switch {
		case !cut(text, kept):
			return nil
		case kept != "":
			log.Warn("a definition was cut by a full disk: the one before is put back", "file", path.Join(data, name))
			return replace(root, name, kept)
		}
		return setAside(root, data, name, log)
	})
	if err == nil {
		err = eachFile(root, "", []string{"metadata_dropped/*.sql", "store/*/*/mutation_*.txt",
			"store/*/*/format_version.txt"}, func(name, text, _ string) error {
			switch {
			case text != "":
				return nil
			case path.Base(name) == "format_version.txt":
				return replace(root, name, "1") // of every table that is partitioned by an expression
			}
			return setAside(root, data, name, log)
		})
	}
	if err != nil {
		return fmt.Errorf("mend the definitions of tables: %w", err)
	}
	return nil
}

// cut tells whether a definition is not all there. It ends with a line end, and so may a beginning of it.
func cut(text, kept string) bool {
	return !strings.HasSuffix(text, "\n") || len(text) < len(kept) && strings.HasPrefix(kept, text)
}

// eachFile calls f with the files below dir, their text, and that of the copy that is kept of each, if there is one.
func eachFile(root *os.Root, dir string, patterns []string, f func(name, text, kept string) error) error {
	below := root.FS()
	if dir != "" {
		var err error
		if below, err = fs.Sub(below, dir); err != nil {
			return err
		}
	}
	for _, pattern := range patterns {
		names, err := fs.Glob(below, pattern)
		if err != nil {
			return err
		}
		for _, name := range names {
			text, err := fs.ReadFile(below, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue // another statement has dropped it
			}
			if err != nil {
				return err
			}
			kept, err := root.ReadFile(path.Join(keptDir, name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err := f(name, string(text), string(kept)); err != nil {
				return err
			}
		}
	}
	return nil
}

// replace writes a file so that there is the old one or the new one. ClickHouse removes what is left of a *.sql.tmp.
func replace(root *os.Root, name, text string) error {
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(name+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, root.Remove(name+".tmp"))
	}
	return root.Rename(name+".tmp", name)
}

func setAside(root *os.Root, data, name string, log *slog.Logger) error {
	to := path.Join(cutDir, strings.ReplaceAll(name, "/", "_"))
	log.Warn("the file of a table or view that was being made was cut by a full disk: it is set aside",
		"file", path.Join(data, name), "to", path.Join(data, to))
	if err := root.MkdirAll(cutDir, 0o700); err != nil {
		return err
	}
	return root.Rename(name, to)
}
