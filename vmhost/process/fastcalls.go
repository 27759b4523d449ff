package process

import (
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/fastcall"
)

// channelsFor says which calls are fast calls: those that each block and each message of a peer cost. The others stay
// apart from them, so that a ping is answered whatever the VM is busy with.
func (p *Plugin) channelsFor(method string) *fastcall.Pool {
	switch method {
	case pluginv1.VMService_BuildBlock_FullMethodName, pluginv1.VMService_ParseBlock_FullMethodName,
		pluginv1.VMService_VerifyBlock_FullMethodName, pluginv1.VMService_AcceptBlock_FullMethodName,
		pluginv1.VMService_RejectBlock_FullMethodName, pluginv1.VMService_SetPreference_FullMethodName:
		return &p.fast.Blocks
	case pluginv1.VMService_AppRequest_FullMethodName, pluginv1.VMService_AppResponse_FullMethodName,
		pluginv1.VMService_AppRequestFailed_FullMethodName, pluginv1.VMService_AppGossip_FullMethodName,
		pluginv1.VMService_Connected_FullMethodName, pluginv1.VMService_Disconnected_FullMethodName,
		pluginv1.VMService_Committed_FullMethodName:
		return &p.fast.Peers
	}
	return nil
}
