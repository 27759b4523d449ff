package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/reevenet/reeve/internal/process/telemetry/telemetrytest"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// spans are what a network's processes have exported.
type spans []telemetrytest.Span

// in are those of a trace whose way up begins like this, each once per process.
func (list spans) in(trace, way string) (found spans) {
	for _, s := range list {
		again := func(o telemetrytest.Span) bool { return o.PID == s.PID }
		if s.Trace == trace && strings.HasPrefix(list.way(s), way) && !slices.ContainsFunc(found, again) {
			found = append(found, s)
		}
	}
	return found
}

// linkedTo are those that point at a trace.
func (list spans) linkedTo(trace string) (found spans) {
	for _, s := range list {
		if slices.ContainsFunc(s.Links, func(l telemetrytest.Link) bool { return l.Trace == trace }) {
			found = append(found, s)
		}
	}
	return found
}

// way is a span and what is above it, from the inside out, as "service name < service name".
func (list spans) way(s telemetrytest.Span) string {
	var way []string
	for _, at := range append(spans{s}, telemetrytest.Above(list, s)...) {
		way = append(way, strings.TrimPrefix(at.Service, "reeve-")+" "+at.Name[strings.LastIndex(at.Name, ".")+1:])
	}
	return strings.Join(way, " < ")
}

// The ways of a transaction and of the block that it gets into, from the inside out.
const (
	posted   = "plugin-kvvm POST /ext/bc/kv < vmhost POST /ext/bc/kv < overseer POST /ext/bc"
	waits    = "plugin-kvvm mempool insert"
	gossiped = "network-bridge network-bridge SendGossip < engine engine SendAppGossip < vmhost AppSenderService/SendAppGossip" +
		" < plugin-kvvm AppSenderService/SendAppGossip < plugin-kvvm mempool insert"
	built = "plugin-kvvm VMService/BuildBlock < vmhost VMService/BuildBlock < vmhost vm BuildBlockRequest < engine engine Notify" +
		" < vmhost EngineService/Notify < plugin-kvvm EngineService/Notify < plugin-kvvm mempool insert"
	signed   = "keystore keystore SignBlock < engine engine Notify"
	proposed = "engine engine propose"
	sent     = "network-bridge network-bridge SendConsensusMessage < engine engine verify < engine engine propose"
	voted    = "network-bridge network-bridge SendConsensusMessage < engine engine verify"
	verified = "plugin-kvvm VMService/VerifyBlock < vmhost VMService/VerifyBlock < vmhost vm VerifyBlockRequest < engine engine verify"
	accepted = "plugin-kvvm VMService/AcceptBlock < vmhost VMService/AcceptBlock < vmhost vm AcceptBlock < engine engine accept"
)

// missing says what of the story of a transaction hasn't come yet.
func (list spans) missing(tx string) (gaps []string) {
	want := func(what string, got spans, n int) {
		if len(got) < n {
			gaps = append(gaps, fmt.Sprintf("%s: %d of %d", what, len(got), n))
		}
	}
	want("the transaction waits on every node", list.in(tx, waits), 4)
	want("it is sent to the others", list.in(tx, gossiped), 1)
	want("it has a block built", list.in(tx, built).linkedTo(tx), 1)
	want("the block is signed", list.in(tx, signed), 1)
	want("the wait begins with a request", list.requests(tx), 1)
	blocks := list.linkedTo(tx)
	i := slices.IndexFunc(blocks, func(s telemetrytest.Span) bool { return list.way(s) == accepted })
	if i < 0 {
		return append(gaps, "a block with it is accepted")
	}
	block := blocks[i].Trace
	want("the block is proposed because of it", list.in(block, proposed).linkedTo(tx), 1)
	want("the block is sent to the others", list.in(block, sent), 1)
	want("the others vote", list.in(block, voted), 3)
	want("every plugin verifies it", list.in(block, verified), 4)
	want("every plugin accepts it, with the transaction", list.in(block, accepted).linkedTo(tx), 4)
	return gaps
}

// requests are those of users that are above a wait for a block.
func (list spans) requests(tx string) (found spans) {
	for _, wait := range list.in(tx, waits) {
		for _, l := range wait.Links {
			found = append(found, list.in(l.Trace, posted)...)
		}
	}
	return found
}

// The way of one transaction, from the post on one node to its acceptance by the plugins of all four, as the processes
// of a network tell a collector. It is in three traces, joined by links: the request's, the transaction's and the
// block's. The last two are named by hashes, so that all nodes' spans are in them though no trace context crosses the
// network.
func TestTheSpansOfATransactionFromPostToAcceptance(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some thirty processes")
	}
	collector := telemetrytest.Start(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Endpoint)
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "1")
	m := newMachine(t)
	m.reeve("devnet", "up", "--detach", "--port-base", "0", "-o", "json", "--timeout", "50s")
	m.downAtTheEnd()
	var final kv.Final
	if err := json.Unmarshal([]byte(m.reeve("kv", "put", "first", "1", "--wait", "--node", "v2", "-o", "json")),
		&final); err != nil {
		t.Fatal(err)
	}
	tx := final.Tx.String()[:32]

	var list spans
	collector.Await(t, func(all []telemetrytest.Span) []string {
		list = all
		return list.missing(tx)
	})
	accepts := list.linkedTo(tx)
	block := accepts[slices.IndexFunc(accepts,
		func(s telemetrytest.Span) bool { return list.way(s) == accepted })].Trace
	for _, n := range m.status().Nodes {
		if id := n.LastAccepted.String(); n.Height == final.Height && !strings.HasPrefix(id, block) {
			t.Errorf("the trace of block %s is %s", id, block)
		}
	}
	if n := len(list.in(block, proposed)); n != 1 {
		t.Errorf("%d nodes propose the block", n)
	}
	if n := len(list.requests(tx)); n != 1 {
		t.Errorf("%d requests brought the transaction", n)
	}
	for _, s := range list {
		if s.Failed {
			t.Errorf("failed: %s", list.way(s))
		}
	}
}
