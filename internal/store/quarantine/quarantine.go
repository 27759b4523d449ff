// Package quarantine keeps the messages that ended two instances of a subsystem, so that a person can look at them. One
// file holds one message: a line of JSON that says what it is, then the envelope's bytes as they travelled. The store
// is bounded in number and bytes; the oldest go first, since the newest fault is the one that is being looked for. It
// never decodes a message and never delivers one.
package quarantine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/internal/store/disk"
)

// Header says what a kept message is.
type Header struct {
	ID      string    `json:"id"` // name of the message in this store
	Variant string    `json:"variant"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Kind    string    `json:"kind"` // "one-way" or "request"
	Attempt uint32    `json:"attempt"`
	Cause   string    `json:"cause"`
	Kept    time.Time `json:"kept"`
	Bytes   int       `json:"bytes"` // of the envelope
}

// ErrUnknown means that no message of this name is kept.
var ErrUnknown = errors.New("no such message in quarantine")

// Store is a directory of messages. Its methods may be called by any goroutine.
type Store struct {
	// Dir is made when the first message comes.
	Dir string
	// MaxMessages and MaxBytes bound the store; 0: 1,000 messages and 64 MiB.
	MaxMessages int
	MaxBytes    int64
	// Now is the time; nil: the machine's clock.
	Now func() time.Time

	mu   sync.Mutex
	last time.Time
}

const suffix = ".msg"

// Keep stores one message. It is what an overseer calls.
func (s *Store) Keep(envelope []byte, variant, cause string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("the quarantine can't be made: %w", err)
	}
	h := describe(envelope, variant, cause)
	h.Kept = s.tick()
	h.ID = fmt.Sprintf("%d-%s", h.Kept.UnixNano(), plain(variant))
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := s.write(h.ID, slices.Concat(line, []byte("\n"), envelope)); err != nil {
		return fmt.Errorf("a message could not be kept: %w", err)
	}
	return s.prune()
}

// tick is a time that no earlier message has.
func (s *Store) tick() time.Time {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	t := now().UTC()
	if !t.After(s.last) {
		t = s.last.Add(1)
	}
	s.last = t
	return t
}

func describe(envelope []byte, variant, cause string) Header {
	h := Header{Variant: variant, Cause: cause, Bytes: len(envelope), Kind: "one-way"}
	var e wire.Envelope
	if wire.ParseEnvelope(envelope, &e, wire.Names{}) != nil {
		return h // it is kept all the same
	}
	h.From, h.To, h.Attempt = strings.ToValidUTF8(e.From, "?"), strings.ToValidUTF8(e.To, "?"), e.Attempt
	if e.Kind == wire.Request {
		h.Kind = "request"
	}
	return h
}

var unusual = regexp.MustCompile(`[^A-Za-z0-9_.]+`)

// plain makes a variant's name fit for a file's.
func plain(variant string) string {
	p := unusual.ReplaceAllString(variant, "_")
	return p[:min(len(p), 100)]
}

// write keeps a message durably, and removes what a crash has left of one.
func (s *Store) write(id string, b []byte) error {
	if err := s.sweep(); err != nil {
		return err
	}
	return disk.Replace(disk.OS{}, filepath.Join(s.Dir, id+suffix), b, 0o600)
}

// sweep removes what was being written when something ended: no bound counts it. Older builds called it .new.
func (s *Store) sweep() error {
	names, err := (disk.OS{}).List(s.Dir)
	for _, name := range names {
		if strings.HasSuffix(name, suffix+disk.TempSuffix) || strings.HasSuffix(name, suffix+".new") {
			err = errors.Join(err, os.Remove(filepath.Join(s.Dir, name)))
		}
	}
	return err
}

// files lists what is kept, oldest first.
func (s *Store) files() ([]fs.FileInfo, error) {
	entries, err := os.ReadDir(s.Dir) // sorted by name, which begins with the time
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var files []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), suffix) {
			files = append(files, info)
		}
	}
	return files, err
}

// prune removes the oldest messages beyond the bounds; the newest always stays.
func (s *Store) prune() error {
	messages, size := s.MaxMessages, s.MaxBytes
	if messages == 0 {
		messages = 1000
	}
	if size == 0 {
		size = 64 << 20
	}
	files, err := s.files()
	for n := len(files) - 1; n >= 0 && err == nil; n-- {
		size -= files[n].Size()
		if kept := len(files) - 1 - n; kept > 0 && (kept >= messages || size < 0) {
			err = os.Remove(filepath.Join(s.Dir, files[n].Name()))
		}
	}
	return err
}

// List describes all that is kept, oldest first. A file that can't be read is listed with the reason as its cause.
func (s *Store) List() ([]Header, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	files, err := s.files()
	headers := make([]Header, 0, len(files))
	for _, f := range files {
		id := strings.TrimSuffix(f.Name(), suffix)
		h, _, err := s.read(id)
		if err != nil {
			h = Header{ID: id, Cause: "the file can't be read: " + err.Error(), Kept: f.ModTime()}
		}
		headers = append(headers, h)
	}
	return headers, err
}

// Show returns one message: what it is, and its envelope.
func (s *Store) Show(id string) (Header, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read(id)
}

// Release keeps a message no longer, readable or not.
func (s *Store) Release(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	path, err := s.path(id)
	if err != nil {
		return err
	}
	return unknown(id, os.Remove(path))
}

// path is where a message is kept. A name leads nowhere else.
func (s *Store) path(id string) (string, error) {
	if id == "" || id != filepath.Base(id) {
		return "", fmt.Errorf("%w: %q", ErrUnknown, id)
	}
	return filepath.Join(s.Dir, id+suffix), nil
}

// unknown says which message a file that isn't there was asked for.
func unknown(id string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %q", ErrUnknown, id)
	}
	return err
}

func (s *Store) read(id string) (h Header, envelope []byte, err error) {
	path, err := s.path(id)
	if err != nil {
		return h, nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return h, nil, unknown(id, err)
	}
	line, envelope, ok := bytes.Cut(b, []byte("\n"))
	if !ok {
		return h, nil, fmt.Errorf("%s has no header", id)
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return h, nil, fmt.Errorf("the header of %s: %w", id, err)
	}
	h.ID = id // the name is what it can be asked by
	return h, envelope, nil
}
