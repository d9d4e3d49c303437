/*
 * Runs "gatehouse.exe daemon", which lies beside this program, as a Windows service: the service control manager wants
 * to be answered by a program of a special kind, which Node is not. It does no more than that: starts the daemon, ends it
 * by Ctrl+C (the daemon takes the tunnel down), and ends with it, so that the service's recovery actions start it again.
 * User control 200 is the handover of an upgrade: the daemon is ended as it is, and its tunnel stands.
 */
#define WIN32_LEAN_AND_MEAN
#define _WIN32_WINNT 0x0601
#include <windows.h>
#include <wchar.h>

#define NAME L"GatehouseAgent"
#define CONTROL_HANDOVER 200
/* The daemon gives itself 8 s. */
#define PATIENCE_MS 12000

static SERVICE_STATUS_HANDLE handle;
static SERVICE_STATUS status = {.dwServiceType = SERVICE_WIN32_OWN_PROCESS};
static HANDLE stop_event, handover_event;

static void report(DWORD state, DWORD exit_code, DWORD wait) {
  static DWORD checkpoint = 1;
  status.dwCurrentState = state;
  status.dwControlsAccepted = state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PRESHUTDOWN : 0;
  /* ERROR_SERVICE_SPECIFIC_ERROR makes an end a failure, which recovery actions answer. */
  status.dwWin32ExitCode = exit_code == 0 ? NO_ERROR : ERROR_SERVICE_SPECIFIC_ERROR;
  status.dwServiceSpecificExitCode = exit_code;
  status.dwWaitHint = wait;
  status.dwCheckPoint = state == SERVICE_RUNNING || state == SERVICE_STOPPED ? 0 : checkpoint++;
  SetServiceStatus(handle, &status);
}

static DWORD WINAPI control(DWORD code, DWORD type, LPVOID data, LPVOID context) {
  (void)type, (void)data, (void)context;
  switch (code) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_PRESHUTDOWN:
      report(SERVICE_STOP_PENDING, 0, PATIENCE_MS + 3000);
      SetEvent(stop_event);
      return NO_ERROR;
    case CONTROL_HANDOVER:
      report(SERVICE_STOP_PENDING, 0, 3000);
      SetEvent(handover_event);
      return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
      return NO_ERROR;
  }
  return ERROR_CALL_NOT_IMPLEMENTED;
}

/* "C:\...\gatehouse.exe" beside this program. */
static BOOL daemon_path(wchar_t *path, DWORD size) {
  DWORD length = GetModuleFileNameW(NULL, path, size);
  if (length == 0 || length >= size) return FALSE;
  wchar_t *end = wcsrchr(path, L'\\');
  if (end == NULL || (size_t)(end + 1 - path) + wcslen(L"gatehouse.exe") >= size) return FALSE;
  wcscpy(end + 1, L"gatehouse.exe");
  return TRUE;
}

static DWORD run(void) {
  wchar_t path[32768 - 16], line[32768];
  SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
  STARTUPINFOW start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES | STARTF_USESHOWWINDOW, .wShowWindow = SW_HIDE};
  PROCESS_INFORMATION child;
  if (!daemon_path(path, sizeof path / sizeof *path)) return GetLastError();
  _snwprintf(line, sizeof line / sizeof *line, L"\"%ls\" daemon", path);
  /* A console that nobody sees, for Ctrl+C to come through. */
  if (AllocConsole()) ShowWindow(GetConsoleWindow(), SW_HIDE);
  HANDLE nowhere = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit, OPEN_EXISTING, 0, NULL);
  start.hStdInput = start.hStdOutput = start.hStdError = nowhere;
  if (!CreateProcessW(path, line, NULL, NULL, TRUE, 0, NULL, NULL, &start, &child)) return GetLastError();
  CloseHandle(child.hThread);
  /* After the start, for a child inherits it: Ctrl+C is for the daemon, not for this program. */
  SetConsoleCtrlHandler(NULL, TRUE);
  report(SERVICE_RUNNING, 0, 0);

  HANDLE events[] = {child.hProcess, stop_event, handover_event};
  DWORD code = 0;
  switch (WaitForMultipleObjects(3, events, FALSE, INFINITE)) {
    case WAIT_OBJECT_0:
      /* Nobody asked it to end: a failure, whatever it says. */
      GetExitCodeProcess(child.hProcess, &code);
      if (code == 0) code = ERROR_PROCESS_ABORTED;
      break;
    case WAIT_OBJECT_0 + 1:
      GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0);
      if (WaitForSingleObject(child.hProcess, PATIENCE_MS) == WAIT_OBJECT_0) break;
      /* fall through */
    default:
      TerminateProcess(child.hProcess, 1);
      WaitForSingleObject(child.hProcess, 2000);
  }
  CloseHandle(child.hProcess);
  return code;
}

static void WINAPI service_main(DWORD argc, LPWSTR *argv) {
  (void)argc, (void)argv;
  handle = RegisterServiceCtrlHandlerExW(NAME, control, NULL);
  if (handle == NULL) return;
  report(SERVICE_START_PENDING, 0, 10000);
  stop_event = CreateEventW(NULL, TRUE, FALSE, NULL);
  handover_event = CreateEventW(NULL, TRUE, FALSE, NULL);
  DWORD code = stop_event && handover_event ? run() : GetLastError();
  report(SERVICE_STOPPED, code, 0);
}

int main(void) {
  SERVICE_TABLE_ENTRYW table[] = {{NAME, service_main}, {NULL, NULL}};
  /* No folder of the user's is searched for libraries. */
  SetDllDirectoryW(L"");
  if (StartServiceCtrlDispatcherW(table)) return 0;
  return (int)GetLastError();
}
