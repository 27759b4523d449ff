package node

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/services"
)

// unsent are the messages that the VM's host answers and no part of a node sends, with the reason why they are there.
var unsent = map[string]string{
	"ParseBlockRequest": "the engine has bytes verified at once; for tools that attach to the bus",

	"StateSyncEnabledRequest":           "a node serves states and doesn't sync its own from them yet",
	"GetOngoingSyncStateSummaryRequest": "the same",
	"ParseStateSummaryRequest":          "the same",
	"AcceptStateSummaryRequest":         "the same",
}

// A call of a contract that nobody makes is a promise that nobody keeps: the VM's health was one.
func TestEveryMessageToTheVMHasASender(t *testing.T) {
	sent := map[string]bool{}
	specs := append(services.Parts().Specs(), (&asker{}).spec())
	for _, s := range specs {
		for _, m := range slices.Concat(s.Sends, s.Asks) {
			sent[string(proto.MessageName(m))] = true
		}
	}
	variants := (&vmv1.VMMessage{}).ProtoReflect().Descriptor().Oneofs().Get(0).Fields()
	for i := range variants.Len() {
		m := variants.Get(i).Message()
		_, excused := unsent[string(m.Name())]
		if sent[string(m.FullName())] == excused {
			t.Errorf("%s: sent %t, in the list of those that aren't %t", m.Name(), !excused, excused)
		}
	}
}
