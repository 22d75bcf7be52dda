/* service: a word to the service manager that started us (systemd's sd_notify protocol), if one did. */
#pragma once

/** "READY=1", "STOPPING=1". Does nothing without NOTIFY_SOCKET in the environment. */
void service_tell(const char *state);
