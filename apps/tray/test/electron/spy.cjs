// Loaded before the app, in Electron and under the stand-in: writes down what people would see outside the window.
const electron = require('electron');

const seen = { tooltip: '', menu: null, notifications: [], opened: [], saveTo: null };
globalThis.seen = seen;

const { Tray, Notification, shell, dialog } = electron;
const { setToolTip, setContextMenu } = Tray.prototype;
Tray.prototype.setToolTip = function (text) {
  seen.tooltip = text;
  return setToolTip.call(this, text);
};
Tray.prototype.setContextMenu = function (menu) {
  seen.menu = menu;
  return setContextMenu.call(this, menu);
};
Notification.prototype.show = function () {
  seen.notifications.push(this);
};
shell.openExternal = async (url) => {
  seen.opened.push(url);
};
dialog.showSaveDialog = async () => ({ canceled: seen.saveTo === null, filePath: seen.saveTo });
