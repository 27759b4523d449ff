package bitfieldsigning

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	bitfielddistributionv1 "github.com/reevenet/reeve/proto/reeve/bitfielddistribution/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

var (
	block, next = primitives.HashOf([]byte("a leaf")), primitives.HashOf([]byte("its child"))
	red, blue   = primitives.HashOf([]byte("red")), primitives.HashOf([]byte("blue"))
)

const session = 7

// world answers what bitfield-signing asks, the moment it is asked.
type world struct {
	*overseertest.Overseer
	t *testing.T

	validators []string // their keys
	key        string   // this node's
	cores      []primitives.Hash
	stored     map[primitives.Hash]bool
	unanswered bool               // runtime-api is slow
	broken     *subsystem.Failure // the store is
	keystore   func(sent overseertest.Sent)
	signatures []*keystorev1.SignBitfield // asked for
	bitfields  []*bitfielddistributionv1.DistributeBitfield
	asked      int // of the store
}

// open is a world where this node is validator 1 and red lies on core 0, blue on core 2.
func open(t *testing.T) *world {
	w := &world{
		Overseer: overseertest.Start(t, Spec(Config{Chain: "relay"})), t: t, validators: []string{"a", "b"}, key: "b",
		cores: []primitives.Hash{red, {}, blue}, stored: map[primitives.Hash]bool{},
	}
	w.keystore = func(sent overseertest.Sent) {
		sent.Reply(&keystorev1.SignBitfieldResponse{Outcome: &keystorev1.SignBitfieldResponse_Signature{
			Signature: &keystorev1.Signature{Signature: make([]byte, 64)}}})
	}
	w.On("relay")
	return w
}

func (w *world) leaf(h primitives.Hash) {
	w.StartWork(h[:], nil, 9)
	w.serve()
}

// pass lets time pass, in small steps so that questions are answered when they are asked.
func (w *world) pass(d time.Duration) {
	for ; d > 0; d -= time.Millisecond {
		w.Advance(time.Millisecond)
		w.serve()
	}
}

func (w *world) serve() {
	for {
		list := w.Sent()
		if len(list) == 0 {
			return
		}
		for _, sent := range list {
			w.answer(sent)
		}
	}
}

func (w *world) answer(sent overseertest.Sent) {
	w.t.Helper()
	switch q := sent.Body.(type) {
	case *runtimeapiv1.Request:
		if !w.unanswered {
			sent.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: w.state(q)}})
		}
	case *keystorev1.PublicKeys:
		sent.Reply(&keystorev1.PublicKeysResponse{Keys: []*keystorev1.PublicKey{
			{Purpose: "validator", Key: []byte(w.key)}}})
	case *availabilitystorev1.QueryChunkAvailability:
		w.chunk(sent, q)
	case *keystorev1.SignBitfield:
		w.signatures = append(w.signatures, q)
		w.keystore(sent)
	case *bitfielddistributionv1.DistributeBitfield:
		w.bitfields = append(w.bitfields, q)
	default:
		w.t.Errorf("it sent %v", sent)
	}
}

func (w *world) chunk(sent overseertest.Sent, q *availabilitystorev1.QueryChunkAvailability) {
	w.asked++
	if q.GetValidator() != 1 {
		w.t.Errorf("it asks for the chunk of validator %d", q.GetValidator())
	}
	if w.broken != nil {
		sent.Fail(w.broken.Code, w.broken.Message)
		return
	}
	h, _ := primitives.HashFrom(q.GetCandidate())
	sent.Reply(&availabilitystorev1.QueryChunkAvailabilityResponse{Available: w.stored[h]})
}

func (w *world) state(q *runtimeapiv1.Request) *runtimeapiv1.RuntimeApiAnswer {
	a := &runtimeapiv1.RuntimeApiAnswer{}
	switch q.GetRequest().GetKind().(type) {
	case *runtimeapiv1.RuntimeApiRequest_Validators:
		v := &runtimeapiv1.ValidatorsAnswer{}
		for _, key := range w.validators {
			v.Validators = append(v.Validators, &primitivesv1.Validator{PublicKey: []byte(key)})
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: v}
	case *runtimeapiv1.RuntimeApiRequest_AvailabilityCores:
		c := &runtimeapiv1.AvailabilityCoresAnswer{}
		for _, candidate := range w.cores {
			core := &primitivesv1.CoreState{}
			if !candidate.IsZero() {
				core.Kind = &primitivesv1.CoreState_Occupied{
					Occupied: &primitivesv1.OccupiedCore{Candidate: candidate[:]}}
			}
			c.Cores = append(c.Cores, core)
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_AvailabilityCores{AvailabilityCores: c}
	case *runtimeapiv1.RuntimeApiRequest_SessionIndexForChild:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_SessionIndexForChild{
			SessionIndexForChild: &runtimeapiv1.SessionIndexForChildAnswer{Session: session}}
	}
	return a
}

// signed expects that bitfields have been signed and sent, each with these cores set, and nothing else.
func (w *world) signed(each ...[]uint32) {
	w.t.Helper()
	var got [][]uint32
	for i, q := range w.signatures {
		bits := primitives.Bits{Length: q.GetLength(), Bytes: q.GetBits()}
		got = append(got, bits.Ones())
		if q.GetSession() != session || int(bits.Length) != len(w.cores) || i >= len(w.bitfields) {
			w.t.Errorf("%v was signed, of %d bitfields sent", q, len(w.bitfields))
			continue
		}
		sent := w.bitfields[i]
		if string(sent.GetRelayParent()) != string(q.GetRelayParent()) || sent.GetBitfield().GetValidator() != 1 ||
			string(sent.GetBitfield().GetBitfield().GetCores().GetBits()) != string(q.GetBits()) {
			w.t.Errorf("%v was signed, %v sent", q, sent)
		}
	}
	if diff := cmp.Diff(each, got, cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("signed (-want +got)\n%s", diff)
	}
	if len(w.bitfields) > len(w.signatures) {
		w.t.Errorf("%d were sent, %d signed", len(w.bitfields), len(w.signatures))
	}
}

func (w *world) store(candidates ...primitives.Hash) {
	for _, c := range candidates {
		w.stored[c] = true
	}
}

// F6.
func TestSigning(t *testing.T) {
	for name, story := range map[string]func(*world){
		"1499 ms: nothing": func(w *world) {
			w.leaf(block)
			w.pass(1499 * time.Millisecond)
			w.signed()
		},
		"1500 ms: one bitfield, 0 for the core without our chunk": func(w *world) {
			w.store(red)
			w.leaf(block)
			w.pass(1500 * time.Millisecond)
			w.signed([]uint32{0})
			w.pass(time.Minute)
			w.signed([]uint32{0})
		},
		"1500 ms: one bitfield, without any chunk": func(w *world) {
			w.leaf(block)
			w.pass(1500 * time.Millisecond)
			w.signed(nil)
			if w.Number("signed-without") != 2 {
				w.t.Error(w.Status())
			}
		},
		"deactivated before: nothing": func(w *world) {
			w.leaf(block)
			w.pass(1400 * time.Millisecond)
			w.StopWork(block[:])
			w.pass(time.Minute)
			w.signed()
		},
		"all chunks here: at once": func(w *world) {
			w.store(red, blue)
			w.leaf(block)
			w.signed([]uint32{0, 2})
		},
		"as soon as the last chunk is here": func(w *world) {
			w.store(blue)
			w.leaf(block)
			w.pass(400 * time.Millisecond)
			w.signed()
			w.store(red)
			w.pass(askAtMost)
			w.signed([]uint32{0, 2})
		},
		"each leaf its own": func(w *world) {
			w.store(red, blue)
			w.leaf(block)
			w.StopWork(block[:])
			w.leaf(next)
			w.signed([]uint32{0, 2}, []uint32{0, 2})
		},
		"no core is occupied: nothing": func(w *world) {
			w.cores = make([]primitives.Hash, 3)
			w.leaf(block)
			w.pass(time.Minute)
			w.signed()
		},
		"no validator: nothing": func(w *world) {
			w.key = "somebody's"
			w.store(red, blue)
			w.leaf(block)
			w.pass(time.Minute)
			w.signed()
			if w.Number("validator") != -1 {
				w.t.Error(w.Status())
			}
		},
		"another chain's leaf: nothing": func(w *world) {
			w.On("kv")
			w.store(red, blue)
			w.leaf(block)
			w.pass(time.Minute)
			w.signed()
		},
	} {
		t.Run(name, func(t *testing.T) { story(open(t)) })
	}
}

// Gossamer signed and sent for leaves that had ended.
func TestASignatureThatComesAfterTheLeafHasEndedIsNotSent(t *testing.T) {
	w := open(t)
	var asked []overseertest.Sent
	sign := w.keystore
	w.keystore = func(sent overseertest.Sent) { asked = append(asked, sent) }
	w.store(red, blue)
	w.leaf(block)
	w.StopWork(block[:])
	sign(asked[0])
	w.pass(time.Minute)
	if len(w.bitfields) != 0 || len(w.signatures) != 1 {
		t.Errorf("%d asked for, %d sent", len(w.signatures), len(w.bitfields))
	}
}

func TestAStoreThatFailsMakesTheBitZeroAndHoldsNothingUp(t *testing.T) {
	w := open(t)
	w.broken = subsystem.Failf(subsystem.Unavailable, "no disk")
	w.leaf(block)
	w.pass(1500 * time.Millisecond)
	w.signed(nil)

	w = open(t)
	w.broken = subsystem.Failf(subsystem.Unavailable, "no disk")
	w.leaf(block)
	w.pass(time.Second)
	w.broken = nil // it is back
	w.store(red, blue)
	w.pass(askAtMost)
	w.signed([]uint32{0, 2})
}

func TestTheStoreIsAskedMoreAndMoreSeldomAndOnlyForWhatIsMissing(t *testing.T) {
	w := open(t)
	w.store(red)
	w.leaf(block)
	w.pass(1500 * time.Millisecond)
	if w.asked < 5 || w.asked > 15 {
		t.Errorf("it was asked %d times", w.asked)
	}
}

// Leaves are shorter than the delay. One candidate's chunks never come, the other's do.
func TestACandidateWhoseChunksAreKeptBackHoldsNothingUpForLong(t *testing.T) {
	w := open(t)
	w.store(blue)
	for i := range byte(6) {
		short := primitives.Hash{i}
		w.leaf(short)
		w.pass(499 * time.Millisecond)
		w.StopWork(short[:])
	}
	if n := len(w.bitfields); n != 3 {
		t.Errorf("of six leaves of 499 ms %d have a bitfield, want those after 1.5 s", n)
	}
	// Somebody else's candidate takes its turn on the core: it is waited for anew.
	w.cores = []primitives.Hash{primitives.HashOf([]byte("green")), {}, blue}
	w.leaf(next)
	w.pass(100 * time.Millisecond)
	if n := len(w.bitfields); n != 3 {
		t.Errorf("a new candidate wasn't waited for: %d bitfields", n)
	}
}

func TestCandidatesThatHaveLeftTheirCoresAreForgotten(t *testing.T) {
	w := open(t)
	for i := range byte(50) {
		leaf := primitives.Hash{100 + i}
		w.cores[0] = primitives.Hash{i}
		w.leaf(leaf)
		w.StopWork(leaf[:])
		w.pass(10 * time.Second)
	}
	if n := len(w.Handler().(*signing).waits); n > 8 {
		t.Errorf("%d candidates are remembered", n)
	}
}

func TestTheLeafsStateMayComeLate(t *testing.T) {
	w := open(t)
	w.unanswered = true
	w.store(red)
	w.leaf(block)
	w.pass(3 * time.Second)
	w.unanswered = false
	w.pass(10 * time.Second) // the questions have timed out, and are asked again
	w.signed([]uint32{0})
}

func TestWhatKeystoreRefusesEndsTheMatterAndIsSaid(t *testing.T) {
	w := open(t)
	sign := w.keystore
	w.keystore = func(sent overseertest.Sent) {
		sent.Reply(&keystorev1.SignBitfieldResponse{Outcome: &keystorev1.SignBitfieldResponse_Refusal{
			Refusal: &keystorev1.Refusal{Reason: keystorev1.Refusal_REASON_CONFLICT, Explanation: "signed otherwise"}}})
	}
	w.store(red, blue)
	w.leaf(block)
	w.pass(time.Minute)
	if len(w.signatures) != 1 || len(w.bitfields) != 0 {
		t.Errorf("%d asked for, %d sent", len(w.signatures), len(w.bitfields))
	}
	if w.Trouble("signing") != "keystore refuses to sign a bitfield: signed otherwise" {
		t.Error(w.Status())
	}
	w.keystore = sign
	w.leaf(next)
	if w.Trouble("signing") != "" || len(w.bitfields) != 1 {
		t.Error(w.Status())
	}
}

func TestAKeystoreThatIsAwayIsAskedForTheSameAgain(t *testing.T) {
	w := open(t)
	sign := w.keystore
	w.keystore = func(sent overseertest.Sent) { sent.Fail(subsystem.Unavailable, "it restarts") }
	w.store(red)
	w.leaf(block)
	w.pass(1600 * time.Millisecond)
	w.store(blue) // too late: one row of bits is asked for, and no other
	w.pass(time.Second)
	w.keystore = sign
	w.pass(time.Second)
	for _, q := range w.signatures {
		if string(q.GetBits()) != "\x01" {
			t.Errorf("it asks for %x", q.GetBits())
		}
	}
	if len(w.signatures) < 2 || len(w.bitfields) != 1 {
		t.Errorf("%d asked for, %d sent", len(w.signatures), len(w.bitfields))
	}

	w.keystore = func(sent overseertest.Sent) { sent.Fail(subsystem.Poisoned, "it has died of this twice") }
	w.leaf(next)
	w.pass(time.Minute)
	if w.Trouble("signing") == "" || len(w.bitfields) != 1 {
		t.Error(w.Status())
	}
}

func TestTheOverseersRestartSignsALeafOnce(t *testing.T) {
	w := open(t)
	w.store(red, blue)
	w.leaf(block)
	w.Restart(&overseerv1.StartWork{Hash: block[:], Number: 9})
	w.serve()
	w.pass(time.Minute)
	w.signed([]uint32{0, 2})
}

func TestAStateThatWontComeIsSaid(t *testing.T) {
	w := open(t)
	w.StartWork(block[:], nil, 9)
	for _, sent := range w.Sent() {
		if _, ok := sent.Body.(*runtimeapiv1.Request); ok {
			sent.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Error{
				Error: &runtimeapiv1.RuntimeApiError{
					Code: runtimeapiv1.RuntimeApiError_CODE_PRUNED_STATE, Detail: "gone"}}})
			continue
		}
		w.answer(sent)
	}
	w.signed()
	if w.Trouble("signing") == "" {
		t.Error(w.Status())
	}
}
