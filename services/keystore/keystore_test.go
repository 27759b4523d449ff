package keystore_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/process/signer"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/internal/store/journal"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	"github.com/reevenet/reeve/services/keystore"
)

// machine is where a keystore runs: a disk, and the public key made on it.
type machine struct {
	disk *simdisk.Disk
	key  keys.Public
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{disk: simdisk.New(1)}
	secret := keys.FromSeed(keys.Signing, [32]byte{0xde, 0xad, 0xbe, 0xef})
	if err := m.config().Signer().Put(secret); err != nil {
		t.Fatal(err)
	}
	m.key = secret.Public()
	return m
}

func (m *machine) config() keystore.Config {
	return keystore.Config{Disk: m.disk.Process(), KeyFile: "/keys/signing.key", Dir: "/data"}
}

func (m *machine) start(t *testing.T) *overseertest.Overseer {
	t.Helper()
	return overseertest.Start(t, keystore.Spec(m.config()))
}

func hash(b byte) []byte { return append(make([]byte, 31), b) }

func blockAt(height uint64, body byte) *keystorev1.SignBlock {
	return &keystorev1.SignBlock{NetworkId: 1, ChainId: hash(1), Height: height, ParentId: hash(2), Slot: 3,
		TimeUnixMillis: 4, BodyHash: hash(body)}
}

const (
	prepare = keystorev1.VotePhase_VOTE_PHASE_PREPARE
	commit  = keystorev1.VotePhase_VOTE_PHASE_COMMIT
)

// voteAt is a vote for a block; 0: for none.
func voteAt(height uint64, round uint32, phase keystorev1.VotePhase, block byte) *keystorev1.SignVote {
	return &keystorev1.SignVote{
		NetworkId: 1, ChainId: hash(1), Height: height, Round: round, Phase: phase, BlockId: hash(block),
	}
}

// askBlock asks for a block and returns the outcome.
func askBlock(t *testing.T, o *overseertest.Overseer, r *keystorev1.SignBlock) (*keystorev1.Signature,
	*keystorev1.Refusal) {
	t.Helper()
	resp := overseertest.Must[*keystorev1.SignBlockResponse](t, o.Ask("engine", r))
	return resp.GetSignature(), resp.GetRefusal()
}

func TestASignatureCoversTheCanonicalBytes(t *testing.T) {
	m := newMachine(t)
	o := m.start(t)
	sessionAndParent := signbytes.Context{Session: 5, RelayParent: [32]byte(hash(6))}
	cases := map[string]struct {
		request proto.Message
		payload signbytes.Payload
	}{
		"block": {blockAt(9, 1),
			signbytes.Block{NetworkID: 1, ChainID: [32]byte(hash(1)), Height: 9, ParentID: [32]byte(hash(2)), Slot: 3,
				Time: 4, BodyHash: [32]byte(hash(1))}},
		"vote": {
			voteAt(9, 3, commit, 7),
			signbytes.Vote{
				NetworkID: 1, ChainID: [32]byte(hash(1)), Height: 9, Round: 3, Phase: signbytes.Commit,
				Block: [32]byte(hash(7)),
			},
		},
		"vote for nothing": {
			voteAt(9, 4, prepare, 0),
			signbytes.Vote{NetworkID: 1, ChainID: [32]byte(hash(1)), Height: 9, Round: 4, Phase: signbytes.Prepare},
		},
		"statement": {
			&keystorev1.SignStatement{Session: 5, RelayParent: hash(6),
				Kind: keystorev1.StatementKind_STATEMENT_KIND_INVALID, CandidateHash: hash(7)},
			signbytes.Statement{Context: sessionAndParent, Verdict: signbytes.Invalid, Candidate: [32]byte(hash(7))},
		},
		"bitfield": {
			&keystorev1.SignBitfield{Session: 5, RelayParent: hash(6), Length: 9, Bits: []byte{1, 1}},
			signbytes.Bitfield{Context: sessionAndParent, Length: 9, Bits: []byte{1, 1}},
		},
		"collation": {
			&keystorev1.SignCollation{
				ParaId: 1, RelayParent: hash(2), PersistedValidationDataHash: hash(3), PovHash: hash(4),
				ErasureRoot:        hash(5),
				ValidationCodeHash: hash(6), ParaHead: hash(7),
			},
			signbytes.Collation{
				ParaID: 1, RelayParent: [32]byte(hash(2)), Collator: m.key,
				PersistedValidationDataHash: [32]byte(hash(3)), PoVHash: [32]byte(hash(4)),
				ErasureRoot: [32]byte(hash(5)), ValidationCodeHash: [32]byte(hash(6)), ParaHead: [32]byte(hash(7)),
			},
		},
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) { // votes only go forward
		c := cases[name]
		t.Run(name, func(t *testing.T) {
			a := o.Ask("engine", c.request)
			if !a.Done || a.Err != nil {
				t.Fatalf("no answer: %v", a.Err)
			}
			s := a.Reply.(interface{ GetSignature() *keystorev1.Signature }).GetSignature()
			encoded, err := c.payload.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if want := primitives.HashOf(encoded); !bytes.Equal(s.GetPayloadHash(), want[:]) ||
				!ed25519.Verify(s.GetPublicKey(), encoded, s.GetSignature()) {
				t.Errorf("%v doesn't sign the %s", s, c.payload)
			}
			if !bytes.Equal(s.GetPublicKey(), m.key[:]) {
				t.Errorf("signed by %x", s.GetPublicKey())
			}
		})
	}
}

func TestTheSecondSideIsRefusedWithEvidence(t *testing.T) {
	m := newMachine(t)
	first, _ := askBlock(t, m.start(t), blockAt(9, 1))
	m.disk.Crash()
	o := m.start(t)
	_, refusal := askBlock(t, o, blockAt(9, 2))
	if refusal.GetReason() != keystorev1.Refusal_REASON_CONFLICT {
		t.Fatalf("%v", refusal)
	}
	signed := refusal.GetEvidence().GetSignedPayload()
	if !ed25519.Verify(m.key[:], signed, first.GetSignature()) {
		t.Error("the evidence isn't what was signed")
	}
	now, err := signbytes.Decode(refusal.GetEvidence().GetRefusedPayload())
	if err != nil || now.(signbytes.Block).BodyHash != [32]byte(hash(2)) {
		t.Errorf("the refused payload is %v, %v", now, err)
	}
	again, _ := askBlock(t, o, blockAt(9, 1))
	if !bytes.Equal(again.GetSignature(), first.GetSignature()) {
		t.Error("the same block, asked for again, has another signature")
	}
}

func TestWhatIsNotWellFormedIsRefused(t *testing.T) {
	o := newMachine(t).start(t)
	short := blockAt(1, 1)
	short.ParentId = short.ParentId[1:]
	long, noChain := voteAt(1, 0, prepare, 1), voteAt(1, 0, prepare, 1)
	long.BlockId, noChain.ChainId = append(long.BlockId, 0), nil
	for _, r := range []proto.Message{
		short, &keystorev1.SignBlock{},
		&keystorev1.SignStatement{RelayParent: hash(1), CandidateHash: hash(1)},
		&keystorev1.SignStatement{RelayParent: hash(1), CandidateHash: hash(1), Kind: 99},
		&keystorev1.SignBitfield{RelayParent: hash(1), Length: 1 << 31},
		&keystorev1.SignBitfield{RelayParent: hash(1), Length: 1, Bits: []byte{2}},
		&keystorev1.SignCollation{},
		long, noChain, voteAt(1, 0, 0, 1), voteAt(1, 0, 3, 1), &keystorev1.SignVote{}, &keystorev1.QueryVotes{},
	} {
		a := o.Ask("engine", r)
		refusal := a.Reply.(interface{ GetRefusal() *keystorev1.Refusal }).GetRefusal()
		if refusal.GetReason() != keystorev1.Refusal_REASON_MALFORMED || refusal.GetExplanation() == "" {
			t.Errorf("%T %v: %v", r, r, a.Reply)
		}
	}
	if n := o.Number("records"); n != 0 {
		t.Errorf("%d records", n)
	}
}

// A failing disk: the request is refused and the keystore stays up; when the disk is well again it signs again, by
// itself.
func TestADiskThatFailsAndRecovers(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO, syscall.EMFILE, syscall.EROFS} {
		t.Run(fault.Error(), func(t *testing.T) {
			m := newMachine(t)
			o := m.start(t)
			m.disk.SetFault(func(simdisk.Op) error { return fault })
			_, refusal := askBlock(t, o, blockAt(1, 1))
			if refusal.GetReason() != keystorev1.Refusal_REASON_DISK ||
				!strings.Contains(refusal.GetExplanation(), fault.Error()) {
				t.Fatalf("%v", refusal)
			}
			o.Advance(time.Minute)
			if cause := o.Trouble("signing"); !strings.Contains(cause, "failed") ||
				!strings.Contains(cause, fault.Error()) {
				t.Fatalf("%v", o.Status())
			}
			m.disk.SetFault(nil)
			o.Advance(10 * time.Second)
			if _, refusal := askBlock(t, o, blockAt(1, 1)); refusal != nil {
				t.Fatalf("the disk is well again: %v", refusal)
			}
			if o.Trouble("signing") != "" || o.Number("fencing-number") < 2 {
				t.Errorf("%v", o.Status())
			}
		})
	}
}

func TestOneFailedSyncIsNotTriedAgain(t *testing.T) {
	m := newMachine(t)
	o := m.start(t)
	failed := false
	m.disk.SetFault(func(op simdisk.Op) error {
		if op.Kind == simdisk.Sync && !failed {
			failed = true
			return syscall.EIO
		}
		return nil
	})
	if _, refusal := askBlock(t, o, blockAt(1, 1)); refusal.GetReason() != keystorev1.Refusal_REASON_DISK {
		t.Fatalf("%v", refusal)
	}
	if _, refusal := askBlock(t, o, blockAt(1, 2)); refusal.GetReason() != keystorev1.Refusal_REASON_DISK {
		t.Fatalf("signed before the log was read again: %v", refusal)
	}
	o.Advance(time.Second)
	a, _ := askBlock(t, o, blockAt(1, 1))
	b, _ := askBlock(t, o, blockAt(1, 2))
	if (a == nil) == (b == nil) {
		t.Fatalf("after it was read again one side is signed and the other isn't: %v, %v", a, b)
	}
}

func TestOnlyAnOperatorLetsACopySign(t *testing.T) {
	m := newMachine(t)
	if s, _ := askBlock(t, m.start(t), blockAt(9, 1)); s == nil {
		t.Fatal("no signature")
	}
	restored := &machine{disk: m.disk.Copy(2), key: m.key}
	o := restored.start(t)
	_, refusal := askBlock(t, o, blockAt(10, 1))
	if refusal.GetReason() != keystorev1.Refusal_REASON_OPERATOR ||
		!strings.Contains(refusal.GetExplanation(), "reeve keys adopt") {
		t.Fatalf("%v", refusal)
	}
	if cause := o.Trouble("signing"); !strings.HasPrefix(cause, "needs-operator ") {
		t.Fatalf("%v", o.Status())
	}
	known := overseertest.Must[*keystorev1.PublicKeysResponse](t, o.Ask("engine", &keystorev1.PublicKeys{}))
	if !bytes.Equal(known.GetKeys()[0].GetKey(), m.key[:]) {
		t.Errorf("the public key isn't known meanwhile: %v", known)
	}
	floors := journal.Floors{Height: new(uint64(12))}
	if err := signer.Adopt(restored.config().Signer(), floors); err != nil {
		t.Fatal(err)
	}
	o.Advance(10 * time.Second)
	if _, refusal := askBlock(t, o, blockAt(12, 1)); refusal.GetReason() != keystorev1.Refusal_REASON_PRUNED {
		t.Errorf("at the floor: %v", refusal)
	}
	if _, refusal := askBlock(t, o, blockAt(13, 1)); refusal != nil {
		t.Errorf("above the floor: %v", refusal)
	}
}

func TestASecondKeystoreOnTheSameLogRefuses(t *testing.T) {
	m := newMachine(t)
	first := m.start(t)
	second := m.start(t)
	if _, refusal := askBlock(t, second, blockAt(1, 1)); refusal.GetReason() != keystorev1.Refusal_REASON_LOCKED {
		t.Fatalf("%v", refusal)
	}
	if s, _ := askBlock(t, first, blockAt(1, 1)); s == nil {
		t.Fatal("the first one was disturbed")
	}
	first.Conclude()
	second.Advance(10 * time.Second)
	if _, refusal := askBlock(t, second, blockAt(1, 2)); refusal.GetReason() != keystorev1.Refusal_REASON_CONFLICT {
		t.Errorf("after the first has gone: %v", refusal)
	}
}

func TestAKeyThatOthersMayReadIsNotUsed(t *testing.T) {
	m := &machine{disk: simdisk.New(1)}
	o := m.start(t)
	_, refusal := askBlock(t, o, blockAt(1, 1))
	if refusal.GetReason() != keystorev1.Refusal_REASON_OPERATOR ||
		!strings.Contains(refusal.GetExplanation(), "reeve keys new") {
		t.Fatalf("%v", refusal)
	}
	a := o.Ask("engine", &keystorev1.PublicKeys{})
	if f, ok := errors.AsType[*subsystem.Failure](a.Err); !ok || f.Code != subsystem.Unavailable {
		t.Errorf("%v", a.Err)
	}
}

func TestTheEnd(t *testing.T) {
	m := newMachine(t)
	o := m.start(t)
	askBlock(t, o, blockAt(1, 1))
	o.Conclude()
	if _, err := m.config().Disk.Lock("/data/sign.lock"); err != nil {
		t.Errorf("the log is still held: %v", err)
	}
}

func TestEveryVariantIsHandled(t *testing.T) {
	overseertest.Exhaustive(t, keystore.Spec(newMachine(t).config()))
}
