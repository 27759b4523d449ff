package main

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed bugs/*.bug
var planted embed.FS

// bug is one that somebody could make. Its file says in a paragraph what it breaks, and then, each on lines of its own:
//
//	caught by: go test ./internal/store/journal -run TestABatchIsOneSync
//	in: internal/store/journal/journal.go
//	<<<
//	the lines as they are
//	===
//	the lines with the bug
//	>>>
//
// There may be more commands, of which one has to fail, and more replacements.
type bug struct {
	name, breaks string
	commands     []string
	edits        []edit
}

// edit replaces text that stands in a file exactly once.
type edit struct{ file, is, becomes string }

// readBugs reads all bugs, in the order of their names.
func readBugs(from fs.FS) (bugs []bug, err error) {
	files, err := fs.Glob(from, "bugs/*.bug")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := fs.ReadFile(from, file)
		if err != nil {
			return nil, err
		}
		b := bug{name: strings.TrimSuffix(path.Base(file), ".bug")}
		if err := b.parse(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		bugs = append(bugs, b)
	}
	return bugs, nil
}

func (b *bug) parse(text string) error {
	var block *[]string // of lines, that is being read
	var is, becomes, breaks []string
	file := ""
	for line := range strings.Lines(text) {
		command, isCommand := strings.CutPrefix(line, "caught by: ")
		in, isFile := strings.CutPrefix(line, "in: ")
		switch {
		case line == "<<<\n":
			is, becomes, block = nil, nil, &is
		case line == "===\n" && block == &is:
			block = &becomes
		case line == ">>>\n" && block == &becomes:
			b.edits = append(b.edits, edit{file, strings.Join(is, ""), strings.Join(becomes, "")})
			block = nil
		case block != nil:
			*block = append(*block, line)
		case isCommand:
			b.commands = append(b.commands, strings.TrimSpace(command))
		case isFile:
			file = strings.TrimSpace(in)
		default:
			breaks = append(breaks, strings.TrimSpace(line))
		}
	}
	b.breaks = strings.TrimSpace(strings.Join(breaks, " "))
	return b.check(block == nil)
}

func (b *bug) check(closed bool) error {
	switch {
	case !closed:
		return fmt.Errorf("a replacement isn't ended with >>>")
	case b.breaks == "" || len(b.commands) == 0 || len(b.edits) == 0:
		return fmt.Errorf("it must say what it breaks, a command (caught by: go test …) and a replacement")
	}
	for _, c := range b.commands {
		if !strings.HasPrefix(c, "go test ./") && !strings.HasPrefix(c, "go run ./") {
			return fmt.Errorf("%q is neither go test ./… nor go run ./…", c)
		}
	}
	for _, e := range b.edits {
		if e.file == "" || e.is == "" || e.is == e.becomes {
			return fmt.Errorf("a replacement names no file (in: …), replaces nothing or changes nothing")
		}
	}
	return nil
}

// plant makes the replacements in files, which it reads with read: their contents with the bug.
func (b *bug) plant(read func(file string) (string, error)) (map[string]string, error) {
	files := map[string]string{}
	for _, e := range b.edits {
		text, ok := files[e.file]
		if !ok {
			var err error
			if text, err = read(e.file); err != nil {
				return nil, fmt.Errorf("%s doesn't fit the code any more: %w", b.name, err)
			}
		}
		if n := strings.Count(text, e.is); n != 1 {
			return nil, fmt.Errorf(
				"%s doesn't fit the code any more: what it replaces stands in %s %d times, not once:\n%s",
				b.name, e.file, n, e.is)
		}
		files[e.file] = strings.Replace(text, e.is, e.becomes, 1)
	}
	return files, nil
}

// packages are the folders that the bug stands in, as go build names them.
func (b *bug) packages() (dirs []string) {
	for _, e := range b.edits {
		dirs = append(dirs, "./"+path.Dir(e.file))
	}
	return dirs
}
