; The daemon's service comes and goes with the app, by the macros of the daemon's own setup. GATEHOUSE_FORMAT, and the
; folder of those macros, are written by packaging/hooks.ts.
!include "${PROJECT_DIR}/dist-packages/staged/gatehouse.nsh"
!include "${GATEHOUSE_WINDOWS}/service.nsh"
!define GATEHOUSE_DAEMON "$INSTDIR\resources\daemon"

; An upgrade hands the tunnel over: the daemon ends, the tunnel stands, and its files can be replaced.
!macro customInit
  !insertmacro GatehouseRefuseNewerState ${GATEHOUSE_FORMAT}
  !insertmacro GatehouseHandOver "${GATEHOUSE_DAEMON}"
!macroend

!macro customInstall
  !insertmacro GatehouseTakeOver
  !insertmacro GatehouseInstallService "${GATEHOUSE_DAEMON}"
  !insertmacro GatehousePath "${GATEHOUSE_DAEMON}" add
  !insertmacro GatehouseCheckWireGuard "${GATEHOUSE_DAEMON}"
!macroend

; A removal keeps the state, unless it is asked for everything ("Uninstall Gatehouse.exe" /S /PURGE). In an upgrade the old version's remover leaves the service to the new one.
!macro customUnInstall
  ${IfNot} ${isUpdated}
    !insertmacro GatehousePath "${GATEHOUSE_DAEMON}" remove
    !insertmacro GatehouseRemoveService "${GATEHOUSE_DAEMON}"
    !insertmacro GatehousePurge
  ${EndIf}
!macroend
