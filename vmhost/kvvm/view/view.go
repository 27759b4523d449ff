// Package view is what users see of the key-value chain over HTTP, and what its client reads.
package view

import (
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/events"
	"github.com/reevenet/reeve/vmhost/vmsdk/httpjson"
)

// Head is the last accepted block: GET /head.
type Head struct {
	Height    uint64    `json:"height"`
	Block     vmsdk.ID  `json:"block"`
	StateRoot vmsdk.ID  `json:"stateRoot"`
	Time      time.Time `json:"time"`
	Chain     string    `json:"chain"`
	ChainID   vmsdk.ID  `json:"chainId"`
	Pending   int       `json:"pending"`
}

// Entry is a key's value, as of the height or a later one: GET /key/{key}.
type Entry struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Height uint64 `json:"height"`
}

// Block is an accepted block: an event of GET /events.
type Block struct {
	Height    uint64     `json:"height"`
	ID        vmsdk.ID   `json:"block"`
	StateRoot vmsdk.ID   `json:"stateRoot"`
	Txs       []vmsdk.ID `json:"txs"`
}

// Has reports whether the block holds the transaction.
func (b *Block) Has(tx vmsdk.ID) bool { return slices.Contains(b.Txs, tx) }

// View serves it. Open comes first.
type View struct {
	chain   *vmsdk.Chain
	pending func() int
	prefix  string
	head    atomic.Pointer[Head]
	events  events.Stream
}

// Open says what to show: the chain, how many transactions wait, and what begins the database's key of a value.
func (v *View) Open(chain *vmsdk.Chain, pending func() int, prefix string) {
	v.chain, v.pending, v.prefix = chain, pending, prefix
}

// Show shows an accepted block.
func (v *View) Show(b vmsdk.Block, root vmsdk.ID, txs []vmsdk.ID) {
	v.head.Store(&Head{
		Height: b.Height(), Block: b.ID(), StateRoot: root, Time: b.Timestamp(), Chain: v.chain.Name,
		ChainID: v.chain.ID,
	})
	v.events.Publish("block", Block{Height: b.Height(), ID: b.ID(), StateRoot: root, Txs: txs})
}

// Close ends the streams of those who listen.
func (v *View) Close() { v.events.Close() }

// Routes serves GET /head, GET /key/{key} and GET /events.
func (v *View) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /head", v.onHead)
	mux.HandleFunc("GET /key/{key...}", v.onKey)
	mux.Handle("GET /events", &v.events)
}

func (v *View) onHead(w http.ResponseWriter, _ *http.Request) {
	head := *v.head.Load()
	head.Pending = v.pending()
	httpjson.Answer(w, http.StatusOK, head)
}

func (v *View) onKey(w http.ResponseWriter, r *http.Request) {
	height, key := v.head.Load().Height, r.PathValue("key")
	value, err := v.chain.Durable.Get(r.Context(), []byte(v.prefix+key))
	switch {
	case errors.Is(err, vmsdk.ErrNotFound):
		httpjson.Refuse(w, http.StatusNotFound, "no key %q", key)
	case err != nil:
		httpjson.Unread(w, err)
	default:
		httpjson.Answer(w, http.StatusOK, Entry{Key: key, Value: string(value), Height: height})
	}
}
