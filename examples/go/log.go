// SPDX-License-Identifier: Apache-2.0

package samlet

// #include "shim.h"
import "C"

import "runtime/cgo"

// LogLevel says how much a line of the log matters.
type LogLevel uint32

const (
	Info    LogLevel = C.SAMLET_LOG_INFO
	Warning LogLevel = C.SAMLET_LOG_WARNING
)

// LogFunc is called from the goroutine whose call logs. It must not panic: C stands between it and the caller.
type LogFunc func(level LogLevel, text string)

//export samletGoLog
func samletGoLog(handle C.uintptr_t, level C.samlet_log_level, text *C.char) {
	cgo.Handle(handle).Value().(LogFunc)(LogLevel(level), C.GoString(text))
}
