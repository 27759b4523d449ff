package engine

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/validators"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// hostHealth is whether the VM's host answers.
type hostHealth struct {
	trouble string // empty when it does
}

// fails notes why it can't be asked now, and tells whether it could be before.
func (h *hostHealth) fails(why string) (first bool) {
	first = h.trouble == ""
	h.trouble = why
	return first
}

func (h *hostHealth) answers() { h.trouble = "" }

// buildContext is what the VM learns of a block that isn't in its own part of it.
func buildContext(set *validators.Set, h block.Header, inherent []byte) *pluginv1.BuildContext {
	proposer := set.At(int(h.Proposer)).Node
	at := timestamppb.New(time.UnixMilli(int64(h.Time)))
	return &pluginv1.BuildContext{Inherent: inherent, Proposer: proposer[:], Time: at, Parent: h.Parent[:]}
}

// describe puts the VM's error into words.
func describe(f *pluginv1.Error) string {
	switch k := f.GetKind().(type) {
	case *pluginv1.Error_NotFound:
		return "not found"
	case *pluginv1.Error_NothingToBuild:
		return "nothing to build"
	case *pluginv1.Error_InvalidBlock:
		return "invalid block: " + k.InvalidBlock.GetReason()
	case *pluginv1.Error_MissingParent:
		return "the parent isn't known"
	case *pluginv1.Error_Busy:
		return "busy"
	case *pluginv1.Error_Corrupt:
		return "corrupt: " + k.Corrupt.GetReason()
	case *pluginv1.Error_Unimplemented:
		return "unimplemented: " + k.Unimplemented.GetWhat()
	case *pluginv1.Error_Unavailable:
		return "unavailable: " + k.Unavailable.GetCause()
	case *pluginv1.Error_Pruned:
		return "the state is no longer kept"
	case *pluginv1.Error_Internal:
		return "the VM failed: " + k.Internal.GetReason()
	}
	return fmt.Sprintf("an error of an unknown kind: %v", f)
}
