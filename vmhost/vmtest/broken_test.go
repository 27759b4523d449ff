package vmtest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmtest"
)

// fault is one thing that an author may get wrong.
type fault string

const (
	none              fault = ""
	noName            fault = "says no name"
	tallGenesis       fault = "genesis has height 1"
	unreadableGenesis fault = "genesis can't be parsed"
	emptyBlocks       fault = "builds empty blocks"
	randomID          fault = "ids are random"
	trailingBytes     fault = "bytes left over are taken"
	panics            fault = "short bytes cause a panic"
	weakID            fault = "the id leaves out the last byte"
	verifyWrites      fault = "Verify writes to the database"
	verifyCounts      fault = "Verify changes what Accept writes"
	stubbornBuilder   fault = "builds on the last accepted block"
	clockInState      fault = "the state depends on the clock"
	forgetful         fault = "the state is kept in memory"
	noNormal          fault = "refuses to go back to bootstrapping"
	lockedByGossip    fault = "AppGossip holds the lock of Verify"
	gossipPanics      fault = "AppGossip can't take empty messages"
	gossipUnjudged    fault = "takes any gossip"
	rareID            fault = "ids are another one now and then"
	showsEarly        fault = "shows blocks that aren't committed"
	showsNothing      fault = "shows nothing"
	openHTTP          fault = "HTTP hangs"
	slowShutdown      fault = "Shutdown never ends"
)

// counterVM is a small VM that keeps the rules, except for its fault: each block adds one to a number.
type counterVM struct {
	vmsdk.Base
	fault    fault
	chain    *vmsdk.Chain
	mu       sync.Mutex
	work     int
	verified int
	memory   uint64
	parsed   int
	shown    uint64 // the height that users see
}

type counterBlock struct {
	vm      *counterVM
	id      vmsdk.ID
	parent  vmsdk.ID
	height  uint64
	seconds int64
	extra   int
	raw     []byte
}

const counterBlockSize = 49

func (vm *counterVM) Version() (string, string) {
	if vm.fault == noName {
		return "", ""
	}
	return "counter", "1"
}

func (vm *counterVM) block(parent vmsdk.ID, height uint64, seconds int64) *counterBlock {
	raw := append(parent[:], 1)
	raw = binary.BigEndian.AppendUint64(raw, height)
	raw = binary.BigEndian.AppendUint64(raw, uint64(seconds))
	b, _ := vm.parse(raw)
	return b
}

func (vm *counterVM) parse(raw []byte) (*counterBlock, error) {
	if vm.fault == panics && len(raw) < 10 {
		_ = raw[40]
	}
	if len(raw) < counterBlockSize || len(raw) > counterBlockSize && vm.fault != trailingBytes || raw[32] != 1 {
		return nil, errors.New("not a block")
	}
	b := &counterBlock{vm: vm, id: vmsdk.IDOf(raw), parent: vmsdk.ID(raw[:32]), raw: raw}
	b.height, b.seconds = binary.BigEndian.Uint64(raw[33:]), int64(binary.BigEndian.Uint64(raw[41:]))
	if vm.fault == weakID {
		b.id = vmsdk.IDOf(raw[:len(raw)-1])
	}
	if vm.parsed++; vm.fault == rareID && vm.parsed%50 == 0 {
		b.id[0]++
	}
	if vm.fault == randomID && b.height > 0 {
		rand.Read(b.id[:])
	}
	return b, nil
}

func (vm *counterVM) Initialize(ctx context.Context, chain *vmsdk.Chain, batch *database.Batch) (vmsdk.Block, error) {
	vm.chain = chain
	if chain.LastAccepted == nil {
		batch.Put([]byte("n"), make([]byte, 8))
		height := uint64(0)
		if vm.fault == tallGenesis {
			height = 1
		}
		b := vm.block(vmsdk.ID{}, height, 0)
		if vm.fault == unreadableGenesis {
			b.raw = []byte("genesis")
		}
		return b, nil
	}
	return vm.parse(chain.LastAccepted.Content)
}

func (vm *counterVM) SetState(_ context.Context, s vmsdk.State) error {
	if vm.fault == noNormal && s == vmsdk.Bootstrapping {
		return errors.New("that was done long ago")
	}
	return nil
}

func (vm *counterVM) ParseBlock(_ context.Context, raw []byte) (vmsdk.Block, error) {
	b, err := vm.parse(raw)
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (vm *counterVM) BuildBlock(
	_ context.Context, parent vmsdk.Block, build vmsdk.BuildContext,
) (vmsdk.Block, error) {
	vm.mu.Lock()
	defer vm.mu.Unlock()
	if vm.work == 0 && vm.fault != emptyBlocks {
		return nil, vmsdk.ErrNothingToBuild
	}
	if vm.fault == stubbornBuilder {
		last := vm.chain.LastAccepted
		if last == nil {
			return vm.block(vm.block(vmsdk.ID{}, 0, 0).id, 1, build.Time.Unix()), nil
		}
	}
	return vm.block(parent.ID(), parent.Height()+1, build.Time.Unix()), nil
}

func (vm *counterVM) AppGossip(_ context.Context, _ vmsdk.NodeID, gossip []byte) error {
	if vm.fault == gossipPanics {
		_ = gossip[0]
	}
	vm.mu.Lock()
	defer vm.mu.Unlock()
	if vm.fault == lockedByGossip && len(gossip) > 1000 {
		select {}
	}
	if bytes.HasPrefix(gossip, []byte("work")) {
		vm.work++
	} else if vm.fault != gossipUnjudged {
		return vmsdk.InvalidGossipf("no work")
	}
	return nil
}

func (vm *counterVM) Committed(_ context.Context, b vmsdk.Block) {
	if vm.fault != showsNothing {
		vm.show(b)
	}
}

func (vm *counterVM) show(b vmsdk.Block) {
	vm.mu.Lock()
	defer vm.mu.Unlock()
	vm.shown = b.Height()
}

func (vm *counterVM) CreateHandlers(context.Context) (map[string]http.Handler, error) {
	return map[string]http.Handler{"": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if vm.fault == openHTTP {
			<-r.Context().Done()
		}
		vm.mu.Lock()
		defer vm.mu.Unlock()
		fmt.Fprint(w, vm.shown)
	})}, nil
}

func (vm *counterVM) Shutdown(context.Context) error {
	if vm.fault == slowShutdown {
		select {}
	}
	return nil
}

func (b *counterBlock) ID() vmsdk.ID         { return b.id }
func (b *counterBlock) Parent() vmsdk.ID     { return b.parent }
func (b *counterBlock) Height() uint64       { return b.height }
func (b *counterBlock) Timestamp() time.Time { return time.Unix(b.seconds, 0) }
func (b *counterBlock) Bytes() []byte        { return b.raw }

func (b *counterBlock) Verify(ctx context.Context, parent vmsdk.Block, _ vmsdk.BuildContext) error {
	b.vm.mu.Lock()
	defer b.vm.mu.Unlock()
	b.vm.verified++
	b.extra = b.vm.verified
	if b.vm.fault == verifyWrites {
		var batch database.Batch
		batch.Put([]byte("seen"), b.id[:])
		return b.vm.chain.DB.Write(ctx, &batch, database.Sync)
	}
	return nil
}

func (b *counterBlock) Accept(ctx context.Context, batch *database.Batch) error {
	if b.vm.fault == showsEarly {
		b.vm.show(b)
	}
	b.vm.mu.Lock()
	defer b.vm.mu.Unlock()
	b.vm.work = 0
	b.vm.memory++
	n := b.height
	switch b.vm.fault {
	case verifyCounts:
		n += uint64(b.extra) << 32
	case clockInState:
		n += uint64(time.Now().UnixNano()) << 8
	case forgetful:
		n = b.vm.memory
	}
	batch.Put([]byte("n"), binary.BigEndian.AppendUint64(nil, n))
	return nil
}

func (b *counterBlock) Reject(context.Context) error { return nil }

var counterWork = vmtest.Gossip(func(int) []byte { return []byte("work") })

// Every fault, the check that must find it, and words by which an author recognizes it. Other checks may notice it,
// too.
func TestEveryFaultIsCaughtByItsCheckAndNamed(t *testing.T) {
	for f, want := range map[fault]struct{ check, words string }{
		noName:            {"describe", `its name is ""`},
		tallGenesis:       {"genesis", "the genesis block has height 1"},
		unreadableGenesis: {"genesis", "ParseBlock of the genesis block: invalid block: not a block"},
		emptyBlocks:       {"build", "without work BuildBlock returned block"},
		randomID:          {"parse", "parsed it is block"},
		trailingBytes:     {"malformed", "ParseBlock of a block with a byte too many returned block"},
		panics:            {"malformed", "the VM ended: panic: runtime error: index out of range"},
		weakID:            {"malformed", "a block with one byte changed has the id of the block"},
		verifyWrites:      {"verify-pure", `Verify wrote to the database: "seen" is`},
		verifyCounts:      {"verify-pure", `was verified, too: "n" is 0000000200000001, not 0000000100000001`},
		stubbornBuilder:   {"preference", "is preferred, BuildBlock built on"},
		clockInState:      {"determinism", `the two states differ: "n" is`},
		forgetful:         {"crash", "killed after what AcceptBlock of block 1 returned was written"},
		noNormal:          {"states", "SetState: that was done long ago"},
		lockedByGossip:    {"strangers", "no answer within 1s"},
		gossipPanics:      {"strangers", "panic: runtime error: index out of range"},
		gossipUnjudged:    {"gossip", "isn't answered as invalid"},
		rareID:            {"one-id", "when they were parsed for the"},
		showsEarly:        {"committed", `answered "1" when the block was accepted`},
		showsNothing:      {"committed", `still answers "0" when the block is committed`},
		openHTTP:          {"http", "GET /: no answer within 1s"},
		slowShutdown:      {"shutdown", "Shutdown: no answer within 1s"},
	} {
		t.Run(string(f), func(t *testing.T) {
			report := run(t, f, want.check)
			if report.Passed() {
				t.Fatalf("a VM that %q passes %q", f, want.check)
			}
			failed := report.Failures()[0]
			if !strings.Contains(failed.Failure, want.words) || len(failed.Calls) == 0 {
				t.Errorf("the report doesn't say %q:\n%v", want.words, report)
			}
		})
	}
}

func TestAPanicIsShownWithItsPlace(t *testing.T) {
	for name, target := range map[string]launch.Launcher{"pipe": target(panics),
		"value": vmtest.Value(broken(panics))} {
		report := vmtest.Run(t.Context(), target, vmtest.Options{Work: counterWork, Only: []string{"malformed"}})
		if text := report.String(); !strings.Contains(text, "(*counterVM).parse") ||
			strings.Contains(text, "debug.Stack") {
			t.Errorf("%s: the author isn't told where:\n%s", name, text)
		}
	}
}

func run(t *testing.T, f fault, only ...string) *vmtest.Report {
	return vmtest.Run(t.Context(), target(f), vmtest.Options{
		Work: counterWork, Shows: "/", Only: only, CallLimit: time.Second,
	})
}

func broken(f fault) func() vmsdk.VM { return func() vmsdk.VM { return &counterVM{fault: f} } }

func target(f fault) launch.Launcher { return vmtest.Pipe(broken(f)) }

func TestAVMWithoutAFaultPassesEveryCheck(t *testing.T) {
	report := run(t, none)
	for _, r := range report.Failures() {
		t.Errorf("%s: %s\n%v", r.ID, r.Failure, r.Calls)
	}
	for _, r := range report.Results {
		if r.Skipped != "" {
			t.Errorf("%s wasn't tried: %s", r.ID, r.Skipped)
		}
	}
	if !strings.Contains(report.String(), "counter 1") {
		t.Errorf("the report doesn't say what was tried:\n%v", report)
	}
}
