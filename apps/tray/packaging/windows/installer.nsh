; The daemon's service comes and goes with the app. The macros are those of the daemon's own setup.
!include "${PROJECT_DIR}\..\..\installers\windows\service.nsh"

!macro customInstall
  !insertmacro GatehouseInstallService "$INSTDIR\resources\daemon\gatehouse.exe"
!macroend

; Files can't be replaced while they run: the service is stopped first, and its state stays.
!macro customInit
  !insertmacro GatehouseStopService
!macroend

!macro customUnInstall
  ${ifNot} ${isUpdated}
    !insertmacro GatehouseRemoveService
  ${endIf}
!macroend
