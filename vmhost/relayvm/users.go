package relayvm

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/events"
	"github.com/reevenet/reeve/vmhost/vmsdk/httpjson"
)

// users is what users of this node see: blocks that are committed, and what they have changed.
type users struct {
	vm     *VM
	head   atomic.Pointer[kept]
	events events.Stream
}

// Head is the last accepted block: GET /head.
type Head struct {
	Height    uint64    `json:"height"`
	Block     vmsdk.ID  `json:"block"`
	StateRoot vmsdk.ID  `json:"stateRoot"`
	Time      time.Time `json:"time"`
	Session   uint32    `json:"session"`
	Chain     string    `json:"chain"`
	ChainID   vmsdk.ID  `json:"chainId"`
	Pending   int       `json:"pending"`
}

// Happened is what a block did to a candidate.
type Happened struct {
	Event     string          `json:"event"` // EventBacked, …
	Candidate primitives.Hash `json:"candidate"`
	Para      uint32          `json:"para"`
	Core      uint32          `json:"core"`
	Height    uint64          `json:"height"`
	Head      HexBytes        `json:"head"`
}

// Shown is an accepted block: an event of GET /events.
type Shown struct {
	Height     uint64     `json:"height"`
	ID         vmsdk.ID   `json:"block"`
	StateRoot  vmsdk.ID   `json:"stateRoot"`
	Candidates []Happened `json:"candidates"`
}

func (u *users) open(vm *VM) { u.vm = vm }

// show shows an accepted block.
func (u *users) show(k *kept) {
	u.head.Store(k)
	u.events.Publish("block", Shown{
		Height: k.Height, ID: k.ID, StateRoot: k.Root, Candidates: happenedIn(k.world.events, k.Height),
	})
}

func (u *users) close() { u.events.Close() }

// routes serves GET /head, GET /events and POST /rpc.
func (u *users) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /head", u.onHead)
	mux.Handle("GET /events", &u.events)
	mux.HandleFunc("POST /rpc", u.onRPC)
}

func (u *users) onHead(w http.ResponseWriter, _ *http.Request) {
	httpjson.Answer(w, http.StatusOK, u.headNow())
}

func (u *users) headNow() Head {
	k, chain := u.head.Load(), u.vm.chain
	return Head{
		Height: k.Height, Block: k.ID, StateRoot: k.Root, Time: time.UnixMilli(k.Millis).UTC(),
		Session: k.world.session.Index, Chain: chain.Name, ChainID: chain.ID, Pending: u.vm.pool.Len(),
	}
}

// What a block does to candidates, in Happened.
const (
	EventBacked   = "backed"
	EventIncluded = "included"
	EventTimedOut = "timed out"
)

// eventWords are the kinds of events, for people.
var eventWords = map[runtimeapiv1.CandidateEvent_Kind]string{
	runtimeapiv1.CandidateEvent_KIND_BACKED:    EventBacked,
	runtimeapiv1.CandidateEvent_KIND_INCLUDED:  EventIncluded,
	runtimeapiv1.CandidateEvent_KIND_TIMED_OUT: EventTimedOut,
}

func happenedIn(list []event, height uint64) []Happened {
	out := []Happened{}
	for _, e := range list {
		out = append(out, e.happened(height))
	}
	return out
}

// Keys of what users can ask for and no block depends on.
const (
	keyFate      = "fate/"
	keyCandidate = "candidate/"
)

// index writes down what users may ask for: why a transaction did nothing, and what has become of candidates.
func (b *block) index(batch *database.Batch) {
	for _, f := range b.fates {
		batch.Put([]byte(keyFate+string(f.tx[:])), []byte(f.why))
	}
	for _, h := range happenedIn(b.after.world.events, b.Height()) {
		if content, err := json.Marshal(h); err == nil { // it always has an encoding
			batch.Put([]byte(keyCandidate+string(h.Candidate[:])), content)
		}
	}
}
