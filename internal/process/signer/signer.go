// Package signer holds a validator's signing key together with the log of what was signed with it, and gives no
// signature that the log doesn't hold durably. The order is always the same: decide by the log's rules, write, sync,
// sign, answer. What was voted last on a chain it tells again, from the log.
//
// It takes typed payloads, never bytes: what is signed is what internal/core/signbytes makes of them. After an error of
// the disk it signs nothing until it has been opened again.
package signer

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/signlog"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/journal"
)

// MaxBatch is how many payloads Sign takes at once.
const MaxBatch = signlog.MaxBatch

// ErrClosed means that the signer isn't open.
var ErrClosed = errors.New("the signer is closed")

// Config says where a signer keeps what.
type Config struct {
	// Disk is the port to the files.
	Disk disk.Disk
	// KeyFile is the file of the signing key.
	KeyFile string
	// Dir is the directory of the log. It must not be restored from a backup.
	Dir string
	// Limits bounds what is remembered; zero means signlog.DefaultLimits.
	Limits signlog.Limits
	// CompactAt is the size in bytes from which on the log is written anew; zero means a sensible one.
	CompactAt int64
}

func (c Config) place(key keys.Public) journal.Place {
	return journal.Place{Disk: c.Disk, Dir: c.Dir, Key: key, Limits: c.Limits, CompactAt: c.CompactAt}
}

// Create makes a new signing key and its empty log. Neither must exist.
func Create(c Config) (keys.Public, error) {
	secret, err := keys.Generate(keys.Signing)
	if err != nil {
		return keys.Public{}, err
	}
	return secret.Public(), c.Put(secret)
}

// Put saves a signing key that was never used, together with its empty log. Neither must exist.
func (c Config) Put(secret keys.Secret) error {
	if err := c.keyIsAbsent(); err != nil {
		return err
	}
	// The log comes first: a key without a log would look as if its log had been lost.
	if err := journal.Create(c.place(secret.Public())); err != nil {
		return err
	}
	return keys.Save(c.Disk, c.KeyFile, secret)
}

func (c Config) keyIsAbsent() error {
	_, err := keys.Show(c.Disk, c.KeyFile)
	if errors.Is(err, keys.ErrMissing) {
		return nil
	}
	return fmt.Errorf("%w in %s; move it away if another shall take its place", keys.ErrExists, filepath.Dir(c.KeyFile))
}

// Adopt is the operator's word that nothing else signs with the key: see journal.Adopt. It is what an imported or
// restored key needs.
func Adopt(c Config, floors journal.Floors) error {
	desc, err := keys.Show(c.Disk, c.KeyFile)
	if err != nil {
		return err
	}
	return journal.Adopt(c.place(desc.Public), floors)
}

// Signer is a key and its log. It is safe for concurrent use; what is asked for meanwhile waits.
type Signer struct {
	config Config

	mu      sync.Mutex
	ended   bool
	secret  keys.Secret
	journal *journal.Journal
}

// New returns a signer that isn't open yet.
func New(c Config) *Signer { return &Signer{config: c} }

// Open loads the key, takes the log and verifies it. It does nothing when the signer is open already. The error is one
// of package keys, one of journal.Open, with which the public key is known all the same, or ErrClosed after Close.
func (s *Signer) Open() (Stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return Stats{}, ErrClosed
	}
	if s.journal != nil {
		return s.stats(), nil
	}
	secret, err := keys.Load(s.config.Disk, s.config.KeyFile, keys.Signing)
	if err != nil {
		return Stats{}, err
	}
	s.secret = secret
	s.journal, err = journal.Open(s.config.place(secret.Public()))
	if err != nil {
		return Stats{Public: secret.Public()}, err
	}
	return s.stats(), nil
}

// Signed is the answer to one payload.
type Signed struct {
	// Signature is the ed25519 signature of the canonical bytes, if Err is nil.
	Signature []byte
	// PayloadHash is the hash of those bytes.
	PayloadHash primitives.Hash
	// Err is why the payload is refused: an error of signlog.Memory.Admit.
	Err error
}

// Sign signs what may be signed of the payloads, at most MaxBatch, once all of it is durable. An error is about the
// disk: nothing was signed, and the signer must be opened again.
func (s *Signer) Sign(payloads []signbytes.Payload) ([]Signed, Stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal == nil {
		return nil, Stats{}, ErrClosed
	}
	outcomes, err := s.journal.Commit(payloads)
	if err != nil {
		_ = s.journal.Close() // it does nothing any more
		s.journal = nil
		return nil, Stats{}, err
	}
	signed := make([]Signed, len(outcomes))
	for i, o := range outcomes {
		if o.Err != nil {
			signed[i].Err = o.Err
			continue
		}
		signed[i] = Signed{Signature: s.secret.Sign(o.Record.Payload), PayloadHash: primitives.HashOf(o.Record.Payload)}
	}
	return signed, s.stats(), nil
}

// Ballot is a vote that was signed before.
type Ballot struct {
	Vote signbytes.Vote
	// Signature is the ed25519 signature of its canonical bytes: the same as ever.
	Signature []byte
}

// Ballots tells at which height the key has voted last on a chain, and what it has voted there, as
// signlog.Memory.Ballots lists it: all that Sign has signed before, whether somebody had the answer or not. The error
// is ErrClosed when the log isn't open: then nobody knows.
func (s *Signer) Ballots(network uint32, chain primitives.Hash) (height uint64, ballots []Ballot, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal == nil {
		return 0, nil, ErrClosed
	}
	height, records, err := s.journal.Ballots(network, chain)
	if err != nil {
		return 0, nil, err
	}
	for _, rec := range records {
		p, err := signbytes.Decode(rec.Payload)
		if err != nil {
			return 0, nil, err
		}
		if v, ok := p.(signbytes.Vote); ok {
			ballots = append(ballots, Ballot{v, s.secret.Sign(rec.Payload)})
		}
	}
	return height, ballots, nil
}

// Close ends the signer for good, after what is under way.
func (s *Signer) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.journal == nil {
		return nil
	}
	j := s.journal
	s.journal = nil
	return j.Close()
}

// Stats describes the log and the key.
type Stats struct {
	journal.Stats
	// Public is the key that signs.
	Public keys.Public
}

func (s *Signer) stats() Stats { return Stats{s.journal.Stats(), s.secret.Public()} }
